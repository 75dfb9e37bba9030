"""One board of figures for the session, a directory for outputs, and a Prefect server."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.measure import Board
from benchmarks.scenes import bench_directory

_BOARD = Board()


@pytest.fixture
def board() -> Board:
    return _BOARD


@pytest.fixture(scope="session")
def measuring(request: pytest.FixtureRequest) -> bool:
    """Whether figures are wanted; otherwise benchmarks only check that outputs are equal."""
    return not request.config.getoption("benchmark_disable") or bool(
        request.config.getoption("benchmark_enable")
    )


@pytest.fixture(scope="session")
def only_when_measuring(measuring: bool) -> None:
    if not measuring:
        pytest.skip("there is nothing to see without --benchmark-enable")


@pytest.fixture
def output() -> Iterator[Path]:
    """A directory on the disk of the scenes, emptied afterwards."""
    directory = bench_directory() / f"output-{os.getpid()}"
    directory.mkdir()
    yield directory
    for path in directory.iterdir():
        path.unlink()
    directory.rmdir()


@pytest.fixture(scope="session")
def server(only_when_measuring: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the API of a Prefect server on loopback, with a database of its own."""
    home = tmp_path_factory.mktemp("prefect")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with _running(home, port):
        yield f"http://127.0.0.1:{port}/api"


@contextmanager
def _running(home: Path, port: int) -> Iterator[None]:
    command = [sys.executable, "-m", "prefect", "server", "start"]
    variables = {**os.environ, "PREFECT_HOME": str(home), "DO_NOT_TRACK": "1"}
    variables.pop("PREFECT_API_URL", None)
    with (home / "server.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port), "--no-ui"],
            env=variables, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            _wait_for(f"http://127.0.0.1:{port}/api/health", process, home / "server.log")
            yield
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"the Prefect server did not start:\n{log.read_text()}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print all figures, and write them beside the scenes."""
    if not _BOARD.figures:
        return
    path = bench_directory() / "figures.json"
    _BOARD.save(path)
    terminalreporter.section("figures")
    terminalreporter.write_line(_BOARD.table())
    terminalreporter.write_line(f"\nalso in {path}")
