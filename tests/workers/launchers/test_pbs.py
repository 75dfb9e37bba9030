"""What only PBS does, and that its emulator does what the real one was seen to do."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from rios_flows.rioserrors import JobMgrError
from rios_flows.workers.launchers import pbs
from rios_flows.workers.launchers.book import Seen
from rios_flows.workers.launchers.commands import Answer
from rios_flows.workers.launchers.launcher import tail
from tests.support.queues import Queue, Starts, wait_for, wait_until


def run(queue: Queue, *command: str, text: str = "") -> tuple[int, str, str]:
    environment = {**os.environ, **queue.lab.environment}
    done = subprocess.run(
        command,
        input=text,
        env=environment,
        cwd=queue.lab.folder,
        capture_output=True,
        text=True,
        timeout=30,
    )
    return done.returncode, done.stdout, done.stderr


def test_job_that_takes_too_long(in_pbs: Starts) -> None:
    launcher = in_pbs([3], "exec sleep 60", extra={"qsubOptions": "-l walltime=00:00:01"})
    ended = wait_for(launcher, "ended")
    assert ended.reason == "killed: walltime (exit status -29)"
    wait_until(lambda: "walltime exceeded limit 1" in tail(ended.log))


def test_variables_that_the_user_passes_on(
    in_pbs: Starts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER", "from here")
    monkeypatch.setenv("THIRD", "not asked for")
    found = tmp_path / "found"
    script = f"echo \"$RIOS_SECRET|$OTHER|$V|$THIRD\" >'{found}.new'; mv '{found}.new' '{found}'"
    extra = {"qsubOptions": ["-l walltime=10:00", '-v "OTHER,V=a b\\,c"']}
    in_pbs([1], script, extra=extra, environment={"RIOS_SECRET": "s3"})
    wait_until(found.exists)
    assert found.read_text() == "s3|from here|a b,c|\n"


def told(text: str, monkeypatch: pytest.MonkeyPatch, asked: str = "1.vm") -> dict[str, Seen]:
    """Look by a qstat that answers this."""
    answer = Answer(("qstat",), 0, text, "")
    launcher = object.__new__(pbs.PbsLauncher)
    monkeypatch.setattr(pbs.PbsLauncher, "ask", lambda *_: answer)
    return launcher.look([asked])


def test_long_values_go_on_in_the_next_line(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "Job Id: 12[3].vm.example.org\n"
        "    Job_Name = demo\n"
        "    job_state = Q\n"
        "    Variable_List = A=1,job_state = F,\n"
        "\tB=job_state = R\n"
        "    comment = Not Running: Insufficient amount of \n"
        "\tresource: ncpus\n"
        "\n"
    )
    why = "Not Running: Insufficient amount of resource: ncpus"
    assert told(text, monkeypatch, "12[].vm.example.org") == {
        "12[3].vm.example.org": Seen("pending", why)
    }
    # the server's name may be longer here than in what qsub said
    assert told(text, monkeypatch, "12[].vm") == {"12[3].vm": Seen("pending", why)}


def test_empty_answer_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(JobMgrError, match="PBS does not tell how jobs are: it says nothing"):
        told("", monkeypatch)


@pytest.mark.parametrize(
    ("state", "status", "reason"),
    [
        ("F", "0", "exit code 0"),
        ("X", "0", "exit code 0"),
        ("F", "3", "exit code 3"),
        ("F", "271", "signal 15 (SIGTERM)"),
        ("F", "137", "signal 9 (SIGKILL)"),
        ("F", "-27", "killed: too much memory (exit status -27)"),
        ("F", "-3", "ended by PBS (exit status -3)"),
    ],
)
def test_reasons_of_an_end(
    monkeypatch: pytest.MonkeyPatch, state: str, status: str, reason: str
) -> None:
    text = (
        f"Job Id: 1.vm\n    job_state = {state}\n    exec_host = node7/0*2+node8/0\n"
        f"    comment = Job run at noon\n    Exit_status = {status}\n\n"
    )
    assert told(text, monkeypatch) == {"1.vm": Seen("ended", reason, "node7")}


def test_deleted_before_it_ran(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Job Id: 1.vm\n    job_state = F\n    comment = Job deleted\n\n"
    assert told(text, monkeypatch) == {"1.vm": Seen("ended", "Job deleted")}


@pytest.mark.parametrize(
    ("command", "text", "code", "words"),
    [
        (["qsub"], "#!/bin/sh\n#PBS -Z nope\n", 1, "invalid option -- 'Z'"),
        (["qsub"], "#!/bin/sh\n#PBS -l select=1:ncpus=abc\n", 166, "Illegal attribute or resource"),
        (["qsub", "-q", "nowhere"], "true\n", 170, "Unknown queue"),
        (["qsub", "-N", "a b"], "true\n", 2, "usage"),
        (["qstat", "99999"], "", 153, "Unknown Job Id 99999.vm"),
        (["qdel", "99999.vm"], "", 153, "Unknown Job Id 99999.vm"),
    ],
)
def test_emulator_refuses(
    pbs_queue: Queue, command: list[str], text: str, code: int, words: str
) -> None:
    returned, out, err = run(pbs_queue, *command, text=text)
    assert (returned, out) == (code, "")
    assert words in err


def test_emulator_runs_a_job(pbs_queue: Queue, tmp_path: Path) -> None:
    text = (
        "#!/bin/sh\n#PBS -N other\n#PBS -j oe\n\ntouch started; pwd\n#PBS -q nowhere\n"
        'echo "$V1|$V2|$HIDDEN|$PBS_JOBID|$PBS_JOBNAME|$PBS_ENVIRONMENT"\n'
        f"for i in $(seq 600); do [ -e {tmp_path}/seen ] && break; sleep 0.1; done\n"
    )
    listed = ["qsub", "-N", "demo", "-v", "V1=a b,V2=c\\,d", "-o", f"{tmp_path}/"]
    code, out, err = run(pbs_queue, *listed, text=text)
    assert (code, err) == (0, "")
    job = out.strip()
    short = job.partition(".")[0]
    assert job == f"{int(short)}.vm"
    log = tmp_path / f"{job}.OU"
    wait_until(lambda: " R workq" in run(pbs_queue, "qstat", short)[1])
    # it is spooled till the end
    assert not log.exists()
    (tmp_path / "seen").touch()
    wait_until(lambda: run(pbs_queue, "qstat", job)[0] == 35)
    assert "Job has finished" in run(pbs_queue, "qdel", job)[2]
    assert "Exit_status = 0" in run(pbs_queue, "qstat", "-xf", short)[1]
    home = run(pbs_queue, "qstat", "-xf", job)[1]
    assert "    Job_Name = demo\n" in home
    lines = log.read_text().splitlines()
    assert lines[0].endswith("/home")
    assert lines[1] == f"a b|c,d||{job}|demo|PBS_BATCH"


def test_emulator_cuts_columns(pbs_queue: Queue) -> None:
    code, out, _ = run(pbs_queue, "qsub", "-J", "1000000-1000001", text="sleep 30\n")
    assert (code, out.strip().endswith("[].vm")) == (0, True)
    lines = run(pbs_queue, "qstat", "-t")[1].splitlines()
    number = out.strip().partition("[")[0]
    assert f"{number}[1000000].vm"[:16] + ("*" if len(number) > 4 else "") in "\n".join(lines)
    assert run(pbs_queue, "qdel", out.strip())[0] == 0
    wait_until(lambda: not pbs_queue.ids())


def test_state_that_is_unknown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    text = "Job Id: 1.vm\n    job_state = Y\n    exec_host = node7/0\n"
    for _ in range(2):
        assert told(text, monkeypatch) == {"1.vm": Seen("running", "Y", "node7")}
    (record,) = caplog.records
    assert "PBS tells an unknown state of a job, 'Y'" in record.getMessage()
