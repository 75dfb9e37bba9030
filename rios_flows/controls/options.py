"""What a run was asked for, per image and checked; ``ApplierControls.resolved()`` makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rios_flows.basics.types import Key
from rios_flows.controls.concurrency import ConcurrencyStyle


@dataclass(frozen=True, slots=True)
class VectorOptions:
    """How a vector layer becomes pixels.

    Attributes
    ----------
    burn_value : float
        Value of a pixel inside a feature, where ``burn_attribute`` is None.
    burn_attribute : str or None
        Attribute that gives the value; wins over ``burn_value``.
    null : float
        Value of a pixel outside every feature; also the nodata value.
    where : str or None
        Filter, as the WHERE clause of SQL without the word WHERE.
    all_touched : bool
        Burn every pixel that a feature touches, not only where it covers the centre.
    dtype : str
        Name of the numpy type of the pixels.
    layer : int or str
        Layer number from 0, or its name.
    """

    burn_value: float = 1
    burn_attribute: str | None = None
    null: float = 0
    where: str | None = None
    all_touched: bool = False
    dtype: str = "uint8"
    layer: int | str = 0


@dataclass(frozen=True, slots=True)
class InputOptions:
    """What holds for one input.

    Attributes
    ----------
    layers : tuple of int or None
        Bands to read, from 1; None for all.
    nodata : float, tuple of float or None
        Overrides the file's nodata value, one for all selected bands or one each.
    mask : bool
        Pixels that a mask of the file leaves out become nodata.
    resampling : str
        gdalwarp's name of the method, as "near" or "cubic".
    vector : VectorOptions
        Used where the input is a vector.
    vector_controls : tuple of str
        Setters of vectors that were called for this input, by its name.
    vector_controls_for_all : tuple of str
        Setters of vectors that were called for all inputs, with another value than the default.
    """

    layers: tuple[int, ...] | None = None
    nodata: float | tuple[float, ...] | None = None
    mask: bool = False
    resampling: str = "near"
    vector: VectorOptions = VectorOptions()
    vector_controls: tuple[str, ...] = ()
    vector_controls_for_all: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """What holds for one output.

    Attributes
    ----------
    driver : str or None
        GDAL's short name; None to take it from the file's extension.
    creation_options : tuple of str or None
        "NAME=VALUE" each; None for the driver's defaults.
    default_creation_options : mapping
        These defaults by driver, where the environment gives others than the built-in ones.
    nodata : float or None
        Nodata value of every band; pixels with it are left out of statistics.
    thematic : bool
        Values are classes.
    layer_names : tuple of str or None
        A description for each band.
    omit_statistics, omit_histogram, omit_pyramids : bool
        What to leave out.
    single_pass_statistics, single_pass_histogram, single_pass_pyramids : bool or None
        True to insist on the single pass, False to forbid it, None to let the program choose.
    approximate_statistics : bool
        Take statistics from a sample.
    exact_histogram : bool
        Read the finished file again to count each bin, where that cannot be done before.
    default_histogram : bool
        Write the histogram also where GDAL looks for a default histogram.
    overview_levels : tuple of int
        Decimation factors.
    overview_min_dim : int
        What the shorter side of an overview, rounded down, must exceed (pixels).
    overview_resampling : str or None
        GDAL's name, as "NEAREST"; None for the default.
    color_table : str or None
        Name of an automatic colour table.
    """

    driver: str | None = None
    creation_options: tuple[str, ...] | None = None
    default_creation_options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    nodata: float | None = 0
    thematic: bool = False
    layer_names: tuple[str, ...] | None = None
    omit_statistics: bool = False
    omit_histogram: bool = False
    omit_pyramids: bool = False
    single_pass_statistics: bool | None = None
    single_pass_histogram: bool | None = None
    single_pass_pyramids: bool | None = None
    approximate_statistics: bool = False
    exact_histogram: bool = False
    default_histogram: bool = False
    overview_levels: tuple[int, ...] = (4, 8, 16, 32, 64, 128, 256, 512)
    overview_min_dim: int = 128
    overview_resampling: str | None = None
    color_table: str | None = None


#: A function and its further arguments.
BeforeClose = tuple[Callable[..., Any], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Hooks:
    """What of the caller's a run calls beside the user function; it never leaves the process.

    Attributes
    ----------
    progress : object or None
        A progress object, ``setProgress(percent)`` is called on it.
    before_close : mapping
        What is called before an output is closed, as ``function(dataset, *arguments)``: by
        (name, sequence number), for those outputs that have such a function.
    """

    progress: Any = None
    before_close: Mapping[Key, BeforeClose] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BlockRetries:
    """How often a block is tried again.

    Attributes
    ----------
    user_function : int
        Further tries after the user function raised.
    io : int
        Further tries after reading failed; writing is not tried again.
    delay : float
        Wait before a further try (s).
    """

    user_function: int = 0
    io: int = 2
    delay: float = 0.5


@dataclass(frozen=True, slots=True)
class Options:
    """Everything a run was asked for, beside its files and functions: values that pickle.

    Attributes
    ----------
    window : tuple of int
        Width and height of a block, margin excluded (pixels).
    overlap : int
        Margin on every side of each block (pixels).
    footprint : int
        INTERSECTION (0), UNION (1) or BOUNDS_FROM_REFERENCE (2).
    inputs, outputs : mapping
        Options of each raster by (name, sequence number).
    files_for_extent : tuple of str or None
        Files that give the extent in place of the inputs.
    reference_image : str or None
        Symbolic name or file that gives the grid.
    reference_grid : object or None
        A ``PixelGridDefn`` that gives the grid; wins over ``reference_image``.
    use_overviews : bool
        Let a warp read overviews.
    tempdir : str
        Directory in which a directory for temporary files is made.
    job_name : str or None
        What to call the job.
    retries : BlockRetries
        How often a block is tried again.
    resume : bool
        Record blocks on disk, and go on where an earlier run of the same job was killed.
    checkpoint_interval : float
        Longest work that a kill may cost (s).
    style : ConcurrencyStyle
        How many workers of which kind; a copy, never the caller's object.
    """

    window: tuple[int, int] = (256, 256)
    overlap: int = 0
    footprint: int = 0
    inputs: Mapping[Key, InputOptions] = field(default_factory=dict)
    outputs: Mapping[Key, OutputOptions] = field(default_factory=dict)
    files_for_extent: tuple[str, ...] | None = None
    reference_image: str | None = None
    reference_grid: Any = None
    use_overviews: bool = False
    tempdir: str = "."
    job_name: str | None = None
    retries: BlockRetries = BlockRetries()
    resume: bool = False
    checkpoint_interval: float = 10.0
    style: ConcurrencyStyle = field(default_factory=ConcurrencyStyle)
