"""The options of ``rios_flows.apply`` for type checkers and editors.

Made from the declarations of controls by docs/build_front.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, TypedDict

from numpy.typing import DTypeLike

from rios_flows.controls.retries import BlockRetries
from rios_flows.geometry.pixelgriddefn import PixelGridDefn

#: A function, or one with further arguments.
BeforeClose = Callable[..., Any] | tuple[Any, ...]

#: Numbers from 1, or descriptions; a single one comes without its axis.
Bands = int | str | Sequence[int | str]


class Options(TypedDict, total=False):
    """What can be asked of a run, by its name in ``rios_flows.apply``.

    Where a type has a Mapping, a dict gives a value to each input or output by its name.
    """

    overlap: int
    """Margin that is read on every side of a block, and cut from outputs (pixels)."""

    footprint: Literal["intersection", "union", "bounds_from_reference"] | int
    """Extent of the working grid: INTERSECTION (0), UNION (1) or BOUNDS_FROM_REFERENCE (2)."""

    files_for_extent: Sequence[str | PathLike[str]] | None
    """Files that give the extent in place of the inputs."""

    like: str | PathLike[str] | None
    """Symbolic name or file that gives the grid."""

    grid: PixelGridDefn | None
    """PixelGridDefn that gives the grid; wins over a reference image."""

    bounds: Sequence[float] | None
    """Area to cover: west, south, east, north; pixels that it touches count (CRS units)."""

    crs: str | None
    """CRS of these bounds, as EPSG:code or well-known text; None for the working grid's."""

    area: str | PathLike[str] | None
    """Vector or raster file whose extent is the area to cover; pixels that it touches count."""

    use_overviews: bool
    """Read overviews of an input where it is brought to larger pixels."""

    tempdir: str | PathLike[str]
    """Where the directory of temporary files is made."""

    job_name: str | None
    """What to call the job."""

    retries: BlockRetries
    """How often a block is tried again."""

    resume: bool
    """Record blocks on disk, and go on where such a run was killed."""

    checkpoint_interval: float
    """Longest work that a kill costs (s)."""

    records_file: str | None
    """JSON file that gets the records of the run at its end, also if it fails."""

    show_other_args: bool
    """Tell otherArgs where JSON can hold it: in parameters before, in the summary after the run."""

    bands: Bands | Mapping[str, Bands | None] | None
    """Bands to read, by number from 1 or description; None for all."""

    input_nodata: float | Sequence[float] | Mapping[str, float | Sequence[float] | None] | None
    """Wins over the file's nodata value; one for all bands that are read, or one each."""

    input_mask: bool | Mapping[str, bool]
    """Pixels that a mask of the file leaves out become nodata."""

    resampling: str | Mapping[str, str]
    """How pixels come onto another grid: near, bilinear, cubic, cubicspline, lanczos, average, rms,
    mode, max, min, med, q1, q3, sum."""

    overlap_fill: str | Mapping[str, str]
    """What the margin has beyond the edge of the image: nodata, reflect, nearest."""

    burn_value: float | Mapping[str, float]
    """Value of a pixel inside a feature."""

    burn_attribute: str | Mapping[str, str | None] | None
    """Attribute that gives the value inside a feature; wins over a value for all."""

    vector_null: float | Mapping[str, float]
    """Value of a pixel outside every feature; also the nodata value."""

    where: str | Mapping[str, str | None] | None
    """Filter, as the WHERE clause of SQL without that word."""

    all_touched: bool | Mapping[str, bool]
    """Burn every pixel that a feature touches, not centres only."""

    vector_dtype: DTypeLike | Mapping[str, DTypeLike]
    """Numpy type of the pixels."""

    vector_layer: int | str | Mapping[str, int | str]
    """Layer number from 0, or its name."""

    driver: str | Mapping[str, str | None] | None
    """GDAL's short name of the format; None to go by the file's extension."""

    creation_options: Sequence[str] | str | Mapping[str, Sequence[str] | str | None] | None
    """NAME=VALUE each; None for the driver's defaults."""

    thematic: bool | Mapping[str, bool]
    """The values are classes."""

    band_names: Sequence[str] | Mapping[str, Sequence[str] | None] | None
    """A description for each band."""

    tags: dict[str, str] | Mapping[str, dict[str, str]]
    """Metadata of the file: texts by name."""

    nodata: float | Mapping[str, float | None] | None
    """Nodata value of every band; pixels with it are left out of statistics."""

    checksum: str | Mapping[str, str | None] | None
    """Checksum of the file that is told of it: sha256, md5, blake2b; None for none."""

    omit_pyramids: bool | Mapping[str, bool]
    """Go without pyramids (overviews)."""

    omit_statistics: bool | Mapping[str, bool]
    """Go without basic statistics."""

    omit_histogram: bool | Mapping[str, bool]
    """Go without a histogram."""

    overview_levels: Sequence[int] | Mapping[str, Sequence[int]]
    """Decimation factors of pyramids."""

    overview_min_dim: int | Mapping[str, int]
    """What the shorter side of an overview, rounded down, must exceed (pixels)."""

    overview_resampling: str | Mapping[str, str | None] | None
    """How overviews are made, by GDAL's name, as NEAREST; None to let the program choose."""

    single_pass_pyramids: bool | Mapping[str, bool | None] | None
    """Make pyramids while blocks pass; None to let the program choose."""

    single_pass_statistics: bool | Mapping[str, bool | None] | None
    """Make statistics while blocks pass; None to let the program choose."""

    single_pass_histogram: bool | Mapping[str, bool | None] | None
    """Make the histogram while blocks pass; None to let the program choose."""

    approximate_statistics: bool | Mapping[str, bool]
    """Statistics and histogram come from a sample."""

    exact_histogram: bool | Mapping[str, bool]
    """Count each bin exactly, by reading the finished file again."""

    default_histogram: bool | Mapping[str, bool]
    """Write the histogram into .aux.xml, too, as GDAL's default."""

    color_table: str | Mapping[str, str | None] | None
    """Colour table of outputs with classes: rainbow, gray, random."""

    progress: Any
    """Object whose setProgress(percent) is called as blocks are written."""

    before_close: BeforeClose | Mapping[str, BeforeClose | None] | None
    """Function and further arguments, called as function(dataset, *arguments) before closing."""
