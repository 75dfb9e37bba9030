"""The rules of the root ``conftest.py``: in CI a skip fails, and some failures are put off."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

TESTS = """
import pytest

def test_runs():
    pass

def test_skips_itself():
    pytest.skip("no gdalinfo here")

@pytest.mark.may_skip("needs another user than root")
def test_may_skip():
    pytest.skip("root")

@pytest.mark.xfail(reason="known")
def test_known_to_fail():
    raise AssertionError
"""

WRITES = """
import subprocess
import sys

def test_writes():
    ask = [sys.executable, "-c", "import sys; sys.exit(sys.dont_write_bytecode)"]
    assert subprocess.run(ask).returncode == 0
"""


IN_COMPANY = """
import pytest

@pytest.fixture
def server(request):
    def shaken():
        assert not hasattr(request.config, "workerinput"), "too busy"
    return shaken

@pytest.fixture
def starts(server):
    server()

@pytest.fixture
def stops(server):
    yield
    server()

def test_call(server):
    server()

def test_setup(starts):
    pass

def test_teardown(stops):
    pass

@pytest.mark.prefect
def test_broken():
    assert False, "always"

def test_of_no_system(request):
    assert not hasattr(request.config, "workerinput"), "by itself"
"""


def run_pytest(folder: Path, ci: str, *options: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "conftest.py", folder)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = \n    alone\n    prefect\n")
    command = [sys.executable, "-m", "pytest", "-q", *options]
    env = {**os.environ, "CI": ci}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120)


def test_a_skipped_test_fails_in_ci_only(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(TESTS)
    in_ci = run_pytest(tmp_path, ci="true")
    assert in_ci.returncode == 1
    assert "test_skips_itself was skipped, and in CI nothing may be" in in_ci.stdout
    assert "1 failed, 1 passed, 1 skipped, 1 xfailed" in in_ci.stdout
    at_home = run_pytest(tmp_path, ci="")
    assert at_home.returncode == 0
    assert "1 passed, 2 skipped, 1 xfailed" in at_home.stdout


def test_a_skipped_test_fails_where_tests_run_in_processes_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(TESTS)
    in_ci = run_pytest(tmp_path, "true", "-n", "1")
    assert in_ci.returncode == 1
    assert "test_skips_itself was skipped, and in CI nothing may be" in in_ci.stdout
    assert "1 failed, 1 passed, 1 skipped, 1 xfailed" in in_ci.stdout


@pytest.mark.parametrize(("ci", "code"), [("true", 2), ("", 0)])
def test_a_module_that_skips_itself_fails_in_ci_only(tmp_path: Path, ci: str, code: int) -> None:
    (tmp_path / "test_some.py").write_text(TESTS.replace('pytest.skip("no gdalinfo here")', "pass"))
    (tmp_path / "test_other.py").write_text("import pytest\npytest.importorskip('no_such_module')")
    assert run_pytest(tmp_path, ci).returncode == code


def test_bytecode_is_kept_by_all_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    (tmp_path / "test_some.py").write_text(WRITES)
    done = run_pytest(tmp_path, "", "-n", "1")
    assert done.returncode == 0, done.stdout
    assert list((tmp_path / "__pycache__").glob("test_some*.pyc"))


def test_what_fails_in_company_is_put_off_in_ci(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(IN_COMPANY)
    together, broken = ("-n", "1", "-m", "not alone", "-k"), "not test_of_no_system"
    in_company = run_pytest(tmp_path, "true", *together, broken)
    assert in_company.returncode == 0, in_company.stdout
    assert "1 passed, 4 rerun" in in_company.stdout
    for name, why in (("test_call (call)", "too busy"), ("test_broken (call)", "always")):
        told = in_company.stdout.partition(f"put off: test_some.py::{name}")[2]
        assert why in told.partition("put off:")[0]

    by_itself = run_pytest(tmp_path, "true", "-m", "alone")
    assert by_itself.returncode == 1
    assert "1 failed, 3 passed, 1 deselected, 1 rerun" in by_itself.stdout

    # what depends on nothing of others has no second try, and at home nothing has one
    assert run_pytest(tmp_path, "true", *together, "test_of_no").returncode == 1
    assert run_pytest(tmp_path, "", *together, "test_call").returncode == 1


def test_many_failures_are_not_put_off(tmp_path: Path) -> None:
    many = 'import pytest\n@pytest.mark.prefect\n@pytest.mark.parametrize("each", range(21))\n'
    (tmp_path / "test_some.py").write_text(many + "def test_broken(each):\n    assert False\n")
    assert run_pytest(tmp_path, "true", "-n", "1").returncode == 1
