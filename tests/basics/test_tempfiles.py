"""Temporary files are where they should be, and go when they should."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rios_flows.basics.tempfiles import TempfileManager
from rios_flows.rioserrors import FileOpenError


def test_nothing_is_made_before_the_first_file(tmp_path: Path) -> None:
    manager = TempfileManager(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    name = Path(manager.mktempfile(prefix="part_", suffix=".tif"))
    assert name.is_file()
    assert name.name.startswith("part_")
    assert name.suffix == ".tif"
    assert name.parent.parent == tmp_path
    assert name.parent.name.startswith("rios_")
    assert Path(manager.directory) == name.parent


def test_cleanup_removes_all_and_may_be_repeated(tmp_path: Path) -> None:
    manager = TempfileManager(tmp_path)
    Path(manager.mktempfile()).with_suffix(".aux.xml").write_text("beside")
    os.remove(manager.mktempfile())
    manager.cleanup()
    manager.cleanup()
    assert list(tmp_path.iterdir()) == []
    assert os.path.isfile(manager.mktempfile())
    manager.cleanup()
    assert list(tmp_path.iterdir()) == []


def test_context_manager_cleans_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), TempfileManager(str(tmp_path)) as manager:
        os.remove(manager.mktempfile() + "_that_is_not_there")
    assert list(tmp_path.iterdir()) == []


def test_files_go_with_the_manager(tmp_path: Path) -> None:
    manager = TempfileManager(str(tmp_path))
    manager.mktempfile()
    del manager
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_files_go_when_the_interpreter_exits(tmp_path: Path) -> None:
    script = (
        "import sys; from rios_flows.basics.tempfiles import TempfileManager\n"
        "manager = TempfileManager(sys.argv[1]); print(manager.mktempfile())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()).parent.parent == tmp_path
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_threads_share_one_directory(tmp_path: Path) -> None:
    with TempfileManager(str(tmp_path)) as manager, ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda _: manager.mktempfile(), range(100)))
        assert len(set(names)) == 100
        assert len(list(tmp_path.iterdir())) == 1


def test_missing_directory_is_named(tmp_path: Path) -> None:
    manager = TempfileManager(str(tmp_path / "missing"))
    with pytest.raises(FileOpenError, match=r"missing.*setTempdir"):
        manager.mktempfile()
    manager.cleanup()


LEAVES = (
    "import os, signal, sys; from rios_flows.basics.tempfiles import TempfileManager\n"
    "TempfileManager(sys.argv[1]).mktempfile(); manager = TempfileManager(sys.argv[1])\n"
    "manager.mktempfile(); os.kill(os.getpid(), signal.SIGKILL)\n"
)


def test_what_a_killed_process_has_left_goes_with_the_next(tmp_path: Path) -> None:
    (tmp_path / "rios_examples").mkdir()
    held = TempfileManager(tmp_path)
    kept = Path(held.mktempfile())
    subprocess.run([sys.executable, "-c", LEAVES, str(tmp_path)], check=False)
    assert len(list(tmp_path.iterdir())) == 3
    with TempfileManager(tmp_path) as manager:
        manager.mktempfile()
        # neither what is in use, nor what others have made
        names = {path.name for path in tmp_path.iterdir()}
        assert names == {"rios_examples", kept.parent.name, Path(manager.directory).name}
    assert kept.exists()
    held.cleanup()


def test_what_another_host_has_left_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr("rios_flows.basics.tempfiles._HOST", b"elsewhere")
        subprocess.run([sys.executable, "-c", LEAVES, str(tmp_path)], check=False)
        with TempfileManager(tmp_path) as manager:
            manager.mktempfile()
            assert len(list(tmp_path.iterdir())) == 2
