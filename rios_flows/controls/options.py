"""Every control, declared as a field of the options that ``held.resolved`` makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from rios_flows.basics.defaults import FOOTPRINT_NAMES, INTERSECTION
from rios_flows.basics.types import Key
from rios_flows.controls import checks, environment
from rios_flows.controls.checks import flag, instance_of, list_of, or_none, size, text
from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.controls.declaring import Control, control, declared
from rios_flows.controls.environment import Variable
from rios_flows.controls.imageoptions import InputOptions, OutputOptions, VectorOptions
from rios_flows.controls.retries import BlockRetries
from rios_flows.geometry.pixelgriddefn import PixelGridDefn

__all__ = [
    "CONTROLS",
    "BeforeClose",
    "Hooks",
    "InputOptions",
    "Options",
    "OutputOptions",
    "VectorOptions",
]


@dataclass(frozen=True, slots=True)
class Options:
    """All that the user asks of a run, beside its files and functions: values that pickle."""

    scope: ClassVar = "run"

    window_width: int = control(
        "windowxsize",
        256,
        size(1),
        "Width of a block, margin excluded",
        setter="setWindowXsize",
        plain=None,
        unit="pixels",
        variable=Variable("RIOS_DFLT_BLOCKXSIZE", environment.whole(1)),
    )
    window_height: int = control(
        "windowysize",
        256,
        size(1),
        "Height of a block, margin excluded",
        setter="setWindowYsize",
        plain=None,
        unit="pixels",
        variable=Variable("RIOS_DFLT_BLOCKYSIZE", environment.whole(1)),
    )
    overlap: int = control(
        "overlap",
        0,
        size(0),
        "Margin that is read on every side of a block, and cut from outputs",
        unit="pixels",
        variable=Variable("RIOS_DFLT_OVERLAP", environment.whole(0)),
    )
    footprint: int = control(
        "footprint",
        INTERSECTION,
        checks.footprint,
        "Extent of the working grid: INTERSECTION (0), UNION (1) or BOUNDS_FROM_REFERENCE (2)",
        setter="setFootprintType",
        words=FOOTPRINT_NAMES,
        variable=Variable("RIOS_DFLT_FOOTPRINT", environment.footprint),
    )
    files_for_extent: tuple[str, ...] | None = control(
        "filesforextent",
        None,
        or_none(list_of(checks.path, "file names")),
        "Files that give the extent in place of the inputs",
        setter="setFilesForExtent",
    )
    reference_image: str | None = control(
        "referenceImage",
        None,
        or_none(checks.path),
        "Symbolic name or file that gives the grid",
        plain="like",
    )
    reference_grid: PixelGridDefn | None = control(
        "referencePixgrid",
        None,
        or_none(instance_of(PixelGridDefn, "; setReferenceImage takes a file")),
        "PixelGridDefn that gives the grid; wins over a reference image",
        plain="grid",
    )
    bounds: tuple[float, ...] | None = control(
        "bounds",
        None,
        or_none(checks.bounds),
        "Area to cover: west, south, east, north; pixels that it touches count",
        unit="CRS units",
    )
    bounds_crs: str | None = control(
        "boundsCrs",
        None,
        or_none(text),
        "CRS of these bounds, as EPSG:code or well-known text; None for the working grid's",
        setter="setBounds",
        plain="crs",
    )
    area: str | None = control(
        "areaOfInterest",
        None,
        or_none(checks.path),
        "Vector or raster file whose extent is the area to cover; pixels that it touches count",
    )
    use_overviews: bool = control(
        "allowOverviewsGdalwarp",
        False,
        flag,
        "Read overviews of an input where it is brought to larger pixels",
    )
    tempdir: str = control(
        "tempdir", ".", checks.path, "Where the directory of temporary files is made"
    )
    job_name: str | None = control("jobName", None, or_none(text), "What to call the job")
    retries: BlockRetries = control(
        "blockRetries", BlockRetries(), checks.retries, "How often a block is tried again"
    )
    resume: bool = control(
        "resume", False, flag, "Record blocks on disk, and go on where such a run was killed"
    )
    checkpoint_interval: float = control(
        "checkpointInterval",
        10.0,
        checks.seconds,
        "Longest work that a kill costs",
        setter="setResume",
        unit="s",
    )
    records_file: str | None = control(
        "recordsFile",
        None,
        or_none(checks.path),
        "JSON file that gets the records of the run at its end, also if it fails",
    )
    show_other_args: bool = control(
        "showOtherArgs",
        False,
        flag,
        "Tell otherArgs where JSON can hold it: in parameters before, in the summary after the run",
    )
    style: ConcurrencyStyle = control(
        "concurrency",
        ConcurrencyStyle(),
        instance_of(ConcurrencyStyle),
        "How many workers of which kind there are",
        setter="setConcurrencyStyle",
        plain=None,
    )
    inputs: Mapping[Key, InputOptions] = field(default_factory=dict)
    outputs: Mapping[Key, OutputOptions] = field(default_factory=dict)
    # the controls that differ from the built-in defaults, in words that JSON can hold
    changed: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def window(self) -> tuple[int, int]:
        """Width and height of a block, margin excluded (pixels)."""
        return self.window_width, self.window_height


#: A function and its further arguments.
BeforeClose = tuple[Callable[..., Any], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Hooks:
    """The caller's objects that a run calls beside the user function, only in this process."""

    scope: ClassVar = "run"

    progress: Any = control(
        "progress",
        None,
        or_none(checks.progress),
        "Object whose setProgress(percent) is called as blocks are written",
    )
    before_close: Mapping[Key, BeforeClose] = control(
        "callBeforeClose",
        None,
        or_none(checks.callback),
        "Function and further arguments, called as function(dataset, *arguments) before closing",
        scope="output",
    )


#: Every control, by its attribute of ApplierControls.
CONTROLS: dict[str, Control] = {
    each.name: each
    for options in (Options, InputOptions, VectorOptions, OutputOptions, Hooks)
    for each in declared(options)
}
