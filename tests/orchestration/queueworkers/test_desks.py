"""A queue's commands, as a worker of Prefect uses them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from rios_flows.orchestration.queueworkers.desks import ScriptDesk
from rios_flows.orchestration.queueworkers.variables import SlurmConfiguration
from rios_flows.rioserrors import JobMgrError, UnavailableError
from rios_flows.workers.launchers.slurm import SlurmLauncher

#: What a Slurm would have been told goes into a file; it gives every job the same id.
SBATCH = """#!/bin/sh
printf '%s\\n' "$@" >sent-options
cat >sent-script
echo 17
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current directory; Slurm is three scripts."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bin"
    path.mkdir()
    scripts = {
        "sbatch": SBATCH,
        "squeue": "#!/bin/sh\necho '17|RUNNING|n1|None'\n",
        "scancel": "#!/bin/sh\necho busy >&2\nexit 1\n",
    }
    for name, text in scripts.items():
        (path / name).write_text(text)
        (path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{path}:/usr/bin:/bin")
    monkeypatch.setenv("RIOS_SLURMJOBMGR_SBATCHOPTIONS", "--for-workers")
    return tmp_path


def configuration(place: Path, **changes: Any) -> SlurmConfiguration:
    values = {"name": "a run/1", "command": "python -m run 'it all'", "job_folder": place / "jobs"}
    return SlurmConfiguration(**{**values, **changes})


def test_the_script_of_a_job(place: Path) -> None:
    run = uuid4()
    asked = configuration(
        place,
        env={"KEY": "secret"},
        init_commands=["module load gdal"],
        working_dir="/data/some place",
        walltime=5,
        command_prefix="srun",
        command_suffix="2>&1",
    )
    job = ScriptDesk(SlurmLauncher).submit(run, asked)
    assert (job.id, job.name, job.state) == ("17", "a_run_1", "pending")
    folder = place / "jobs" / str(run)
    assert job.log == folder / "a_run_1-0.log"
    note = folder / "job"
    assert (place / "sent-script").read_text().splitlines() == [
        "#!/bin/sh",
        "#SBATCH --time=5",
        f". {folder}/environment || exit 1",
        f"rm -f {folder}/environment",
        f'echo "${{SLURM_JOB_ID:-$PBS_JOBID}}" >{note}.own && mv {note}.own {note}',
        "cd '/data/some place' || exit 1",
        "module load gdal",
        "srun python -m run 'it all' 2>&1",
    ]
    options = (place / "sent-options").read_text().splitlines()
    assert "--job-name=a_run_1" in options
    assert "--no-requeue" in options
    assert not [option for option in options if "secret" in option or "workers" in option]
    assert (folder / "job").read_text() == "17"


def test_a_job_that_the_queue_does_not_know_yet(place: Path) -> None:
    unknown = "#!/bin/sh\necho 'Invalid job id specified' >&2\nexit 1\n"
    (place / "bin" / "squeue").write_text(unknown)
    assert ScriptDesk(SlurmLauncher).submit(uuid4(), configuration(place)).state == "pending"


def test_a_job_of_before(place: Path) -> None:
    desk, run, asked = ScriptDesk(SlurmLauncher), uuid4(), configuration(place)
    assert desk.find(run, asked, "") is None
    job = desk.submit(run, asked)
    found = desk.find(run, asked, "17")
    assert found is not None
    assert found == desk.find(run, asked, "")
    assert (found.id, found.log) == (job.id, job.log)
    assert job.log is not None
    job.log.write_text("last words\n")
    assert desk.log_end(found) == "last words"
    desk.forget(run, found, keep_log=True)
    assert job.log.exists()
    assert not (job.log.parent / "environment").exists()
    desk.forget(run, found, keep_log=False)
    desk.forget(run, found, keep_log=False)
    assert not job.log.parent.exists()


def test_refusals_are_in_the_words_of_a_pool(place: Path) -> None:
    desk = ScriptDesk(SlurmLauncher)
    with pytest.raises(JobMgrError, match=r"^job variables: leave '--array=3' out of options: "):
        desk.submit(uuid4(), configuration(place, options=["--array=3"]))
    (place / "bin" / "sbatch").write_text("#!/bin/sh\necho 'no such account' >&2\nexit 1\n")
    run = uuid4()
    words = r"Slurm does not take the job of a flow run: no such account .*see the variables of the"
    with pytest.raises(JobMgrError, match=words):
        desk.submit(run, configuration(place))
    # should Slurm have it nevertheless, the job ends at once
    assert not (place / "jobs" / str(run) / "environment").exists()
    with pytest.raises(JobMgrError, match="Slurm does not end a job: busy"):
        desk.cancel("17")
    with pytest.raises(JobMgrError, match="of: scancel --signal=KILL --full 17"):
        desk.kill("17")


def test_a_machine_without_the_queue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="there is no sbatch on the path"):
        ScriptDesk(SlurmLauncher)
