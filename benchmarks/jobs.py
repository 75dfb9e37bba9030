"""The jobs that engine and baselines both do: the same arithmetic on the same files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import scenes
from rios_flows.basics.types import UserFunction
from rios_flows.controls.associations import BlockAssociations, FilenameAssociations
from rios_flows.controls.concurrency import CW_THREADS, ConcurrencyStyle
from rios_flows.controls.controls import ApplierControls
from rios_flows.reports.results import ApplierReturn

Pixels = NDArray[Any]
Apply = Callable[..., ApplierReturn]

#: The engine's styles that are measured.
ONE_LOOP = ConcurrencyStyle()
THREADS = ConcurrencyStyle(numReadWorkers=2, numComputeWorkers=2, computeWorkerKind=CW_THREADS)


@dataclass(frozen=True)
class Job:
    """One job, as the baselines need it and as the engine needs it.

    Attributes
    ----------
    kernel : callable
        Turns one array per file, shape ``(bands, rows, cols)``, into the output's.
    function : callable
        The same as a user function; its input is called "source", its output "result".
    files : sequence of Path
        Inputs, of equal size.
    bands : sequence of int
        Which bands are read, from 1.
    dtype : str
        Type of the output's one band.
    window : int
        Width and height of a block (pixels).
    creation : mapping
        The output's creation options.
    extras : bool
        Whether the output gets statistics, histogram and pyramids.
    """

    kernel: Callable[[Sequence[Pixels]], Pixels]
    function: UserFunction
    files: Sequence[Path]
    bands: Sequence[int]
    dtype: str
    window: int
    creation: Mapping[str, str]
    extras: bool = False

    def run(self, apply: Apply, style: ConcurrencyStyle, target: Path) -> ApplierReturn:
        """Do the job with one of rios_flows' ``apply`` functions."""
        infiles, outfiles = FilenameAssociations(), FilenameAssociations()
        infiles.source = list(self.files) if len(self.files) > 1 else self.files[0]
        outfiles.result = target
        controls = ApplierControls()
        controls.setWindowSize(self.window, self.window)
        controls.selectInputImageLayers(list(self.bands))
        controls.setOutputDriverName("GTiff")
        controls.setCreationOptions([f"{name}={value}" for name, value in self.creation.items()])
        # some baselines do not make them either
        controls.setOmitPyramids(not self.extras)
        controls.setOmitBasicStats(not self.extras)
        controls.setOmitHistogram(not self.extras)
        controls.setConcurrencyStyle(style)
        return apply(self.function, infiles, outfiles, controls=controls)


def index_of(arrays: Sequence[Pixels]) -> Pixels:
    """Normalise the difference of two bands, times 10,000."""
    red, green = arrays[0].astype(np.float32)
    index: Pixels = np.rint(10000 * (green - red) / (green + red)).astype(np.int16)
    return index[np.newaxis]


def index_block(info: object, inputs: BlockAssociations, outputs: BlockAssociations) -> None:
    outputs.result = index_of([inputs.source])


def float_index_of(arrays: Sequence[Pixels]) -> Pixels:
    """Normalise the difference of two bands."""
    red, green = arrays[0].astype(np.float32)
    index: Pixels = (green - red) / (green + red)
    return index[np.newaxis]


def float_index_block(info: object, inputs: BlockAssociations, outputs: BlockAssociations) -> None:
    outputs.result = float_index_of([inputs.source])


def median_of(arrays: Sequence[Pixels]) -> Pixels:
    """Take each pixel's median over all dates."""
    median = np.median(np.concatenate(arrays), axis=0, overwrite_input=True)
    return np.asarray(median, np.uint16)[np.newaxis]


def median_block(info: object, inputs: BlockAssociations, outputs: BlockAssociations) -> None:
    outputs.result = median_of(inputs.source)


def increment(arrays: Sequence[Pixels]) -> Pixels:
    """Do next to nothing."""
    one: Pixels = arrays[0] + np.uint16(1)
    return one


def increment_block(info: object, inputs: BlockAssociations, outputs: BlockAssociations) -> None:
    outputs.result = increment([inputs.source])


def _tiled(window: int, **further: str) -> dict[str, str]:
    return {"TILED": "YES", "BLOCKXSIZE": str(window), "BLOCKYSIZE": str(window), **further}


def index_job(size: int = 8192) -> Job:
    """Make an index of two bands of a large scene."""
    return Job(
        kernel=index_of,
        function=index_block,
        files=[scenes.scene(size)],
        bands=[1, 2],
        dtype="int16",
        window=scenes.TILE,
        creation=_tiled(scenes.TILE, COMPRESS="DEFLATE", NUM_THREADS="2"),
    )


def complete_job(dtype: str, size: int = 8192) -> Job:
    """Make the index as int16 or float32, with statistics, histogram and pyramids."""
    job = replace(index_job(size), extras=True)
    if dtype == "float32":
        job = replace(job, kernel=float_index_of, function=float_index_block, dtype=dtype)
    return job


def stack_job(size: int = 2048, dates: int = scenes.DATES) -> Job:
    """Make the median over many dates, each a file."""
    return Job(
        kernel=median_of,
        function=median_block,
        files=scenes.stack(size, dates),
        bands=[1],
        dtype="uint16",
        window=scenes.TILE,
        creation=_tiled(scenes.TILE, COMPRESS="DEFLATE", NUM_THREADS="2"),
    )


def mean_of(arrays: Sequence[Pixels]) -> Pixels:
    """Take each pixel's mean over all dates."""
    return np.asarray(np.mean(arrays, axis=0, dtype=np.float32))


def mean_block(info: object, inputs: BlockAssociations, outputs: BlockAssociations) -> None:
    outputs.result = mean_of(inputs.source)


def mean_job(window: int, tile: int | None, size: int = 2048, dates: int = 40) -> Job:
    """Make the mean over many dates, with windows that are no tiles of the files."""
    return Job(
        kernel=mean_of,
        function=mean_block,
        files=scenes.stack(size, dates, tile),
        bands=[1],
        dtype="float32",
        window=window,
        creation=_tiled(window, COMPRESS="NONE"),
    )


def unaligned_job(tiled: bool, size: int = 4096) -> Job:
    """Do nearly nothing to JPEG 2000, in windows of 100 into a deflated file of other blocks."""
    return Job(
        kernel=increment,
        function=increment_block,
        files=[scenes.jpeg2000(size)],
        bands=[1],
        dtype="uint16",
        window=100,
        creation=_tiled(256, COMPRESS="DEFLATE") if tiled else {"COMPRESS": "DEFLATE"},
    )


def tiny_job(size: int = 4096) -> Job:
    """Do nearly nothing to each of many blocks: at 4096 pixels these are 4,096."""
    return Job(
        kernel=increment,
        function=increment_block,
        files=[scenes.tiny_tiles(size)],
        bands=[1],
        dtype="uint16",
        window=64,
        creation=_tiled(64, COMPRESS="NONE"),
    )
