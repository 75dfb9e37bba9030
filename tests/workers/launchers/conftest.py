"""Launchers that leave nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rios_flows.workers.launchers import aws as aws_module
from rios_flows.workers.launchers.ecs import EcsLauncher
from rios_flows.workers.launchers.launcher import Launcher, Order
from rios_flows.workers.launchers.undertaker import Undertaker
from tests.support.aws import Aws
from tests.support.aws_runs import ecs_on
from tests.support.queues import Queue, Starts, order

#: Workers as single jobs, and as an array.
SETS = pytest.mark.parametrize("numbers", [[7], [0, 1]], ids=["single", "array"])


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


@pytest.fixture
def start_in_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Start workers by a launcher for AWS: its class, the run's name, parameters, numbers."""
    monkeypatch.setattr(aws_module.AwsLauncher, "pause", 0.1)
    launchers: list[Launcher] = []
    undertaker = Undertaker()

    def start(
        kind: Callable[[Order, Undertaker], Launcher],
        name: str,
        extra: dict[str, Any],
        numbers: list[int],
    ) -> Launcher:
        (tmp_path / "run").mkdir(exist_ok=True)
        order = Order(
            name=name,
            command=("/here/python", "-m", "rios_flows.workers"),
            environment={"SECRET": "sesame"},
            folder=tmp_path / "run",
            extra=extra,
        )
        launcher = kind(order, undertaker)
        launchers.append(launcher)
        launcher.start(numbers)
        return launcher

    yield start
    for launcher in launchers:
        launcher.close()
    undertaker.close()


@pytest.fixture
def start_tasks(aws: Aws, start_in_aws: Callable[..., Any]) -> Callable[..., EcsLauncher]:
    """Start tasks of ECS: their numbers, and a script of the shell's in which ``$2`` is one."""

    def starting(numbers: list[int], script: str, **changes: Any) -> EcsLauncher:
        extra = changes.pop("extra", None) or ecs_on(aws, **changes).extra
        extra = {key: value for key, value in extra.items() if key != "interface"}
        if script:
            container = extra.get("register_task_definition", {}).get(
                "containerDefinitions", [{"name": "worker"}]
            )[0]["name"]
            own = {"name": container, "command": ["sh", "-c", script, "worker"]}
            extra["run_task"] = {**extra["run_task"], "overrides": {"containerOverrides": [own]}}
        launcher: EcsLauncher = start_in_aws(EcsLauncher, "demo", extra, numbers)
        return launcher

    return starting
