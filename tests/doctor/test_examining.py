"""What is found before a run, in real queues and clusters, and in those that are amiss."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from rios_flows.controls.concurrency import CW_PBS, CW_SLURM, CW_SUBPROC, ConcurrencyStyle
from rios_flows.doctor import clusters, examining, queues, trying
from rios_flows.doctor.examining import examine
from rios_flows.doctor.findings import Finding, Findings
from rios_flows.rioserrors import ParameterError
from rios_flows.structures import CW_THREADS
from rios_flows.workers import versions
from tests.support.dask import Cluster
from tests.support.queues import Queue


def style_of(kind: str, workers: int = 1, **extra: Any) -> ConcurrencyStyle:
    reads = True if kind == CW_SUBPROC else None
    return ConcurrencyStyle(0, workers, kind, extra or None, computeWorkersRead=reads)


def of_queue(queue: Queue, **extra: Any) -> ConcurrencyStyle:
    return style_of(queue.launcher_class.kind, interface="127.0.0.1", **extra)


def by_what(found: Iterable[Finding]) -> dict[str, Finding]:
    found = list(found)
    # what is not good has a remedy
    assert all(bool(each.remedy) == (each.state != "good") for each in found), found
    return {each.what: each for each in found}


def test_local_workers(tmp_path: Path) -> None:
    found = by_what(examine(style_of(CW_SUBPROC), tmp_path, attempt=True))
    assert {each.state for each in found.values()} <= {"good", "note"}
    assert os.uname().nodename in found["a worker"].found
    assert found["versions"].found.startswith(f"python {versions.here().python}, ")
    # nothing stays
    assert not list(tmp_path.iterdir())


def test_more_workers_than_processors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examining, "processors", lambda: 2)
    found = by_what(examine(style_of(CW_SUBPROC, 3), tmp_path))
    assert found["processors"].state == "note"
    assert "at most 2" in found["processors"].remedy


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    found = by_what(examine(style_of(CW_SUBPROC), tmp_path / "nowhere", attempt=True))
    assert found["tempdir"].state == "bad"
    assert "No such file" in found["tempdir"].found
    assert found["a worker"].found == "not tried"


def test_little_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=2**29)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    found = by_what(examine(style_of(CW_SUBPROC), tmp_path))
    assert found["tempdir"].state == "note"
    assert "0.5 GiB" in found["tempdir"].found


def test_file_systems(tmp_path: Path) -> None:
    assert examining._file_system(Path("/proc/self")) == "proc"
    assert examining._file_system(tmp_path)


def test_workers_in_this_process_need_nothing() -> None:
    with pytest.raises(ParameterError, match="CW_THREADS"):
        examine(ConcurrencyStyle(1, 1, CW_THREADS))


def test_a_queue_that_is_well(queue: Queue, tmp_path: Path) -> None:
    found = by_what(examine(of_queue(queue), tmp_path, attempt=True))
    assert not [each for each in found.values() if each.state == "bad"]
    assert found["ports for workers"].state == "note"
    assert found["ports for workers"].found.startswith("127.0.0.1:")
    assert found["shared directory"] == Finding(
        "shared directory", "good", f"the worker writes to {tmp_path}"
    )
    assert "hello from" in found["a worker"].found
    assert not list(tmp_path.iterdir())
    assert not queue.ids()


def test_a_queue_that_is_not_there(queue: Queue, tmp_path: Path) -> None:
    extra = {queue.words["options"]: queue.words["bad queue"]}
    found = by_what(examine(of_queue(queue, **extra), tmp_path, attempt=True))
    bad = found[queue.launcher_class.kind]
    assert bad.state == "bad"
    assert queue.words["options"] in bad.remedy
    words = {"slurm": "nvalid partition", "pbs": "Unknown queue nowhere"}
    assert words[queue.name] in bad.found
    assert found["a worker"].found == "not tried"


def test_slurm_without_its_cluster(
    slurm_queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sbatch").write_text("#!/bin/sh\necho 'no configuration' >&2\nexit 1\n")
    (tmp_path / "bin" / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    found = by_what(examine(of_queue(slurm_queue), tmp_path))
    assert "no configuration" in found[CW_SLURM].found
    assert "slurm.conf" in found[CW_SLURM].remedy
    assert "Slurm" not in found


def test_more_than_slurm_has(slurm_queue: Queue, tmp_path: Path) -> None:
    # sbatch takes it, and the job pends without end
    extra = {"sbatchOptions": slurm_queue.words["too many"]}
    bad = by_what(examine(of_queue(slurm_queue, **extra), tmp_path))[CW_SLURM]
    assert bad.state == "bad"
    assert "not available" in bad.found


def test_a_job_whose_worker_cannot_start(queue: Queue, tmp_path: Path) -> None:
    extra = {"initCmds": "echo the module is not there >&2; exit 3"}
    found = by_what(examine(of_queue(queue, **extra), tmp_path, attempt=True))
    assert found["a worker"].state == "bad"
    for text in ("exit code 3", "the module is not there"):
        assert text in found["a worker"].found
    assert found["a worker"].remedy == "see what the log says"


#: What a node may have that keeps a worker from coming, what is said of it, and what mends it.
BROKEN = {
    "another version": (
        "import numpy; numpy.__version__ = '1.2.3'",
        "has numpy 1.2.3 (the run has ",
        "in the same Python environment as the run",
    ),
    "no rios_flows": (
        "import sys; sys.path[:] = [each for each in sys.path if 'site-' not in each]",
        "No module named",
        "install it, with rios_flows, where the worker runs",
    ),
    "no shared directory": (
        "import glob, os; [os.remove(each) for each in glob.glob('{}/*/*/address')]",
        "The address of the run cannot be read on ",
        "haveSharedTemp=False",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_node_that_is_not_fit(what: str, pbs_queue: Queue, tmp_path: Path) -> None:
    code, said, remedy = BROKEN[what]
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(code.replace("{}", str(tmp_path)))
    extra = {"initCmds": f"export PYTHONPATH={tmp_path}/site:$PYTHONPATH"}
    bad = by_what(examine(of_queue(pbs_queue, **extra), tmp_path, attempt=True))["a worker"]
    assert bad.state == "bad"
    assert said in bad.found
    assert remedy in bad.remedy


def test_a_worker_that_does_not_come(pbs_queue: Queue, tmp_path: Path) -> None:
    style = of_queue(pbs_queue, initCmds="sleep 60")
    bad = by_what(examine(style, tmp_path, attempt=True, patience=4))["a worker"]
    assert "is running" in bad.found
    assert "--patience" in bad.remedy


def test_no_such_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for kind, command in ((CW_SLURM, "sbatch"), (CW_PBS, "qsub")):
        with pytest.MonkeyPatch.context() as patch:
            # it is needed by what watches over the jobs
            patch.setattr(queues, "Undertaker", lambda: _Nobody())
            found = by_what(examine(style_of(kind), tmp_path))
        assert f"no {command} on the path" in found[kind].found


class _Nobody:
    def close(self) -> None:
        """Have nothing to do."""


def test_parameters_that_make_no_sense(tmp_path: Path) -> None:
    found = by_what(examine(style_of(CW_SLURM, ports=70000), tmp_path))
    assert "70000" in found["parameters"].found


def test_an_address_of_nobody(tmp_path: Path) -> None:
    found = by_what(examine(style_of(CW_SLURM, interface="no-such-host.invalid"), tmp_path))
    assert found["ports for workers"].state == "bad"


def test_a_queue_of_pbs_that_takes_no_jobs(
    pbs_queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "qstat").write_text(
        "#!/bin/sh\necho 'Queue: workq'\necho '    enabled = False'\necho '    started = False'\n"
    )
    (tmp_path / "bin" / "qstat").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    found = examine(of_queue(pbs_queue, qsubOptions="-q workq"), tmp_path)
    told = [(each.state, each.found) for each in found if each.what == "queue workq"]
    assert told == [("bad", "it takes no jobs"), ("note", "it starts no jobs now")]


def test_a_dask_cluster(dask_cluster: Cluster, tmp_path: Path) -> None:
    style = style_of(CW_SUBPROC, 2, **dask_cluster.extra)
    found = by_what(examine(style, tmp_path, attempt=True))
    assert not [each for each in found.values() if each.state == "bad"]
    assert "has 2 workers with 4 threads, for 2 of ours" in found["Dask cluster"].found
    assert found["Dask scheduler"].found.startswith(f"distributed {version('distributed')}, ")
    same = [each.found for what, each in found.items() if what.startswith("Dask worker ")]
    assert same == ["the same versions as here"] * 2
    assert "hello from" in found["a worker"].found


def test_a_dask_cluster_with_too_few_threads(dask_cluster: Cluster, tmp_path: Path) -> None:
    found = by_what(examine(style_of(CW_SUBPROC, 5, **dask_cluster.extra), tmp_path))
    assert found["Dask cluster"].state == "note"


class Confused:
    """In place of a client that a scheduler of another version does not understand."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.closed = False

    def __await__(self) -> Any:
        raise TypeError("unexpected keyword argument 'n_workers'")

    async def close(self) -> None:
        self.closed = True


def test_a_dask_scheduler_of_another_version(
    dask_cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rios_flows.workers.launchers.daskcluster.version", lambda _: "1999.1.0")
    style = style_of(CW_SUBPROC, 2, **dask_cluster.extra)
    # it understands, nevertheless
    assert by_what(examine(style, tmp_path))["Dask cluster"].state == "good"
    monkeypatch.setattr("distributed.Client", Confused)
    bad = by_what(examine(style, tmp_path))["a Dask cluster"]
    there = version("distributed")
    assert f"has distributed {there}, which does not understand 1999.1.0" in bad.found
    assert "n_workers" in bad.found
    assert bad.remedy == "install the same dask and distributed in both places"


def test_versions_of_a_dask_scheduler() -> None:
    class Client:
        def get_versions(self) -> dict[str, Any]:
            sides = {"client": "2026.8.0", "scheduler": "2026.1.0"}
            names = ("distributed", "dask", "cloudpickle")
            return {side: {"packages": dict.fromkeys(names, v)} for side, v in sides.items()}

    found = Findings()
    clusters._compare_scheduler(found, Client())
    assert (found[0].state, "2026.1.0" in found[0].found) == ("note", True)


def test_no_dask_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rios_flows.workers.launchers.daskcluster._PATIENCE", 0.3)
    found = by_what(examine(style_of(CW_SUBPROC, address="tcp://127.0.0.1:9"), tmp_path))
    assert "No Dask scheduler answers" in found["a Dask cluster"].found


def test_dask_workers_of_other_versions() -> None:
    found = Findings()
    here = versions.here()
    for there in (replace(here, numpy="1.2.3"), ModuleNotFoundError("no rios_flows"), here):
        clusters._compare(found, "tcp://n1:1", there)
    assert [each.state for each in found] == ["bad", "bad", "good"]
    assert "1.2.3" in found[0].found
    assert "no rios_flows" in found[1].found


def test_a_directory_that_only_one_of_both_sees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trying, "_DELAY", 0.2)
    style = style_of(CW_SLURM)
    for said in ({"worker": "n1:7"}, {"worker": "n1:7", "sees": True}):
        found = Findings()
        trying._look_at_folder(found, style, tmp_path / "mine", said)
        assert found[0].state == "bad"
        assert "haveSharedTemp=False" in found[0].remedy
    style.haveSharedTemp = False
    found = Findings()
    trying._look_at_folder(found, style, tmp_path / "mine", {"worker": "n1:7"})
    assert found[0].state == "good"
