"""The container file: its steps are carried out in a plain virtual environment."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from rios_flows.version import __version__
from tests.support.queues import wait_until

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deployments"
WORKER = ("python", "-m", "rios_flows.workers", "--help")


@dataclass
class Stage:
    """One stage of the file: its base, and what is done in it."""

    base: str
    name: str = ""
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, word: str) -> list[str]:
        return [text for kind, text in self.steps if kind == word]


def stages() -> list[Stage]:
    """Read the file: lines that go on after a backslash, comments between instructions."""
    text = re.sub(r"^\s*#.*\n", "", (FOLDER / "Containerfile").read_text(), flags=re.MULTILINE)
    found: list[Stage] = []
    for line in text.replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found.append(Stage(base, name))
        elif word and found:
            found[-1].steps.append((word, rest.strip()))
    return found


def test_python_and_packages_are_the_right_ones() -> None:
    text = (FOLDER / "Containerfile").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (base,) = re.findall(r"^ARG BASE=(\S+)$", text, flags=re.MULTILINE)
    version = re.fullmatch(r"docker\.io/library/python:(\d+\.\d+)-slim-bookworm", base)
    assert version is not None
    # the oldest that is supported, for which constraints.txt is
    assert SpecifierSet(project["requires-python"]).contains(version[1])
    assert project["requires-python"] == f">={version[1]}"
    build, last = stages()
    assert {build.base, last.base} == {"${BASE}"}
    extras = re.search(r"\.\[([\w,]+)\]", " ".join(build.all("RUN")))
    assert extras is not None
    assert set(extras[1].split(",")) <= set(project["optional-dependencies"])
    # how to pin what cannot be pinned from here, and which version this is
    assert "@sha256:" in text
    assert f"rios-flows:{__version__}" in text


def test_the_image_is_not_roots_and_has_one_entry() -> None:
    build, last = stages()
    assert last.all("USER") == ["1000:1000"]
    assert f"--from={build.name}" in " ".join(last.all("COPY"))
    # without it the worker would be the first process, which hears no SIGTERM
    assert last.all("ENTRYPOINT") == ['["tini", "-s", "--", "rios-entrypoint"]']
    (system,) = [step for step in last.all("RUN") if step.startswith("apt-get")]
    # rasterio's wheel takes this library from the system
    assert {"libexpat1", "tini"} <= set(system.split())
    # nobody's secrets
    assert not re.search(r"(?i)(password|secret|token|aws_)", " ".join(last.all("ENV")))


def test_all_that_is_copied_is_let_through() -> None:
    let = (FOLDER / "Containerfile.dockerignore").read_text().splitlines()
    for stage in stages():
        for step in stage.all("COPY"):
            words = [word for word in step.split() if not word.startswith("--")]
            if "--from" not in step:
                for source in words[:-1]:
                    assert (ROOT / source).exists()
                    assert f"!{source}" in let


def environment(folder: Path) -> dict[str, str]:
    """Have pip take what is installed here: nothing is downloaded."""
    return {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "HOME": str(folder),
        "PIP_NO_INDEX": "1",
        # pip's word for: without
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def make_venv(folder: Path) -> None:
    """Make a virtual environment that sees the packages of this one, and not this project."""
    command = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(command, check=True, timeout=60)
    (place,) = (folder / "lib").glob("python*/site-packages")
    there = [path for path in sys.path if path.endswith("site-packages")]
    (place / "base.pth").write_text("\n".join(there))
    pip = folder / "bin" / "pip"
    pip.write_text(f'#!/bin/sh\nexec {folder}/bin/python -m pip "$@"\n')
    pip.chmod(0o755)


@pytest.mark.slow
def test_its_steps_are_carried_out(tmp_path: Path) -> None:
    build, last = stages()
    venv, folder = tmp_path / "venv", tmp_path / "build"
    folder.mkdir()
    for word, text in build.steps:
        if word == "COPY":
            *sources, _ = text.split()
            for source in sources:
                copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy2
                copy(ROOT / source, folder / source)
        elif word == "RUN" and text == "python -m venv /opt/rios":
            make_venv(venv)
        elif word == "RUN":
            carry_out(text, venv, folder)
    (check,) = [step for step in last.all("RUN") if "/opt/rios" in step]
    assert carry_out(check, venv, tmp_path).strip() == __version__
    others = [step.split()[0] for step in last.all("RUN") if step != check]
    assert others == ["apt-get", "useradd"]
    # what was installed is what was copied, not this checkout
    where = "import rios_flows; print(rios_flows.__file__)"
    told = carry_out(f'/opt/rios/bin/python -c "{where}"', venv, tmp_path)
    assert told.startswith(str(venv))
    entry = [str(FOLDER / "entrypoint.sh")]
    for words in (("worker", "--help"), WORKER):
        said = subprocess.run(
            [*entry, *words],
            env=environment(venv),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert "A compute worker of a run" in said.stdout, said.stderr


def carry_out(step: str, venv: Path, folder: Path) -> str:
    done = subprocess.run(
        ["sh", "-c", step.replace("/opt/rios", str(venv))],
        env=environment(venv),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"{step}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_entry_takes_any_command(tmp_path: Path) -> None:
    (tmp_path / "prefect").write_text('#!/bin/sh\necho "prefect $@"\n')
    (tmp_path / "prefect").chmod(0o755)
    for words, told in (
        (("flow-run",), "prefect flow-run execute"),
        (("prefect", "flow-run", "execute"), "prefect flow-run execute"),
        (("echo", "a b"), "a b"),
    ):
        said = subprocess.run(
            [str(FOLDER / "entrypoint.sh"), *words],
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert said.stdout.strip() == told


def test_what_it_starts_takes_its_place() -> None:
    # so that the signal which ends a container reaches the worker, and no shell is in between
    with subprocess.Popen([str(FOLDER / "entrypoint.sh"), "sleep", "60"]) as started:
        command = Path(f"/proc/{started.pid}/cmdline")
        wait_until(lambda: command.read_bytes().startswith(b"sleep"), 20)
        started.terminate()
        assert started.wait(20) == -signal.SIGTERM
