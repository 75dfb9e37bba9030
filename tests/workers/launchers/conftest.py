"""Launchers that leave nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rios_flows.workers.launchers.launcher import Launcher
from rios_flows.workers.launchers.undertaker import Undertaker
from tests.support.queues import Queue, Starts, order


@pytest.fixture
def launch_in(tmp_path: Path) -> Iterator[Callable[[Queue], Starts]]:
    """Start workers in a queue, and stop them in the end."""
    launchers: list[Launcher] = []
    undertaker = Undertaker()

    def in_queue(queue: Queue) -> Starts:
        def start(numbers: list[int], script: str, **changes: Any) -> Launcher:
            folder = changes.pop("folder", tmp_path / "run")
            launcher = queue.launcher(order(folder, script, **changes), undertaker)
            launchers.append(launcher)
            launcher.start(numbers)
            return launcher

        return start

    yield in_queue
    for launcher in launchers:
        launcher.close()
    undertaker.close()


@pytest.fixture
def launch(queue: Queue, launch_in: Callable[[Queue], Starts]) -> Starts:
    """Start workers in each queue."""
    return launch_in(queue)


@pytest.fixture
def in_slurm(slurm_queue: Queue, launch_in: Callable[[Queue], Starts]) -> Starts:
    """Start workers in Slurm."""
    return launch_in(slurm_queue)


@pytest.fixture
def in_pbs(pbs_queue: Queue, launch_in: Callable[[Queue], Starts]) -> Starts:
    """Start workers in PBS."""
    return launch_in(pbs_queue)
