"""Workers that come over the network, started by nobody's queue; and jobs for them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import from_origin

from benchmarks.measure import ROOT
from rios_flows import engine
from rios_flows.applier import ApplierControls, FilenameAssociations
from rios_flows.controls.concurrency import CW_SLURM, ConcurrencyStyle
from rios_flows.runs import execution
from rios_flows.structures import ApplierReturn
from rios_flows.workers.crew import Crew
from rios_flows.workers.hiring import luggage_of
from rios_flows.workers.launchers.launcher import WorkerJob
from rios_flows.workers.network.channel import NetworkDataChannel
from rios_flows.workers.network.connecting import connect
from rios_flows.workers.remote import RemoteExecutor
from rios_flows.workers.wire import StreamConnection
from rios_flows.workers.worker import serve


class Nobody:
    """A launcher that starts nobody: the workers come by themselves."""

    def start(self, numbers: Sequence[int]) -> None:
        pass

    def jobs(self) -> list[WorkerJob]:
        return []

    def stop(self, numbers: Iterable[int]) -> None:
        pass

    def close(self) -> None:
        pass


def style(workers: int, readers: int = 0) -> ConcurrencyStyle:
    """Workers of the network, which read for themselves where there are no readers."""
    return ConcurrencyStyle(
        computeWorkerKind=CW_SLURM,
        numComputeWorkers=workers,
        numReadWorkers=readers,
        computeWorkersRead=not readers,
        computeBufferPopTimeout=60,
    )


def prepare(
    function: Any, folder: Path, shape: tuple[int, int], window: int, chosen: ConcurrencyStyle
) -> engine.Job:
    """Prepare a job on a raster of bytes, which is made if need be."""
    source = folder / f"bytes-{shape[0]}-{shape[1]}.tif"
    if not source.exists():
        pixels = np.arange(shape[0] * shape[1], dtype=np.uint8).reshape(1, *shape)
        where = {"crs": "EPSG:32755", "transform": from_origin(300000, 6000000, 10, 10)}
        size = {"height": shape[0], "width": shape[1], "count": 1, "dtype": "uint8"}
        tiles = {"tiled": True, "blockxsize": window, "blockysize": window}
        with rasterio.open(source, "w", driver="GTiff", **where, **size, **tiles) as dataset:
            dataset.write(pixels)
    infiles, outfiles = FilenameAssociations(), FilenameAssociations()
    infiles.image, outfiles.result = source, folder / f"out-{os.getpid()}.tif"
    controls = ApplierControls()
    controls.setWindowSize(window, window)
    controls.setCreationOptions([f"BLOCKXSIZE={window}", f"BLOCKYSIZE={window}", "TILED=YES"])
    controls.setOmitPyramids(True)
    controls.setOmitBasicStats(True)
    controls.setConcurrencyStyle(chosen)
    return engine.prepare(function, infiles, outfiles, None, controls)


def run(job: engine.Job, processes: bool = True) -> ApplierReturn:
    """Run a job with workers that are processes, or threads of this one."""
    count = job.plan.options.style.numComputeWorkers
    crew = Crew(count, 120, 1.0)
    channel = NetworkDataChannel({}, hostname="127.0.0.1")
    channel.on_worker = crew.arrive
    try:
        crew.start(Nobody())
        with (_processes if processes else _threads)(channel.addressStr(), count):
            try:
                return execution.execute(
                    job,
                    execution.run_in_threads,
                    [],
                    partial(RemoteExecutor, crew, luggage_of(job)),
                )
            finally:
                crew.close()
    finally:
        channel.shutdown()


@contextmanager
def _threads(address: str, count: int) -> Iterator[None]:
    def work(number: int) -> None:
        connection = StreamConnection(connect(address, 60))
        serve(connection, number)
        connection.close()

    threads = [Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join(30)


@contextmanager
def _processes(address: str, count: int) -> Iterator[None]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RIOS_FLOWS_ADDRESS": address}
    command = [sys.executable, "-m", "rios_flows.workers", "--number"]
    workers = [
        subprocess.Popen([*command, str(number)], env=environment) for number in range(count)
    ]
    try:
        yield
    finally:
        for worker in workers:
            worker.wait(30)


def add_one(info: Any, inputs: Any, outputs: Any) -> None:
    """Work on a block with next to no work."""
    outputs.result = inputs.image + np.uint8(1)


def floats(info: Any, inputs: Any, outputs: Any) -> None:
    """Make of 256 kB that are read 1 MiB that are written."""
    outputs.result = inputs.image.astype(np.float32)


def sleep(info: Any, inputs: Any, outputs: Any) -> None:
    """Take 200 ms, and no processor."""
    time.sleep(0.2)
    outputs.result = inputs.image
