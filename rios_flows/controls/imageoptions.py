"""Controls that one image may have values of its own for, as fields of the options of an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from rios_flows.basics.defaults import (
    AUTO_COLOR_TABLES,
    CHECKSUMS,
    OVERLAP_FILLS,
    RESAMPLE_METHODS,
    ZeroByDefault,
)
from rios_flows.controls import checks, environment
from rios_flows.controls.checks import flag, list_of, or_none, text, whole
from rios_flows.controls.declaring import control
from rios_flows.controls.environment import Variable


@dataclass(frozen=True, slots=True)
class VectorOptions:
    """How a vector layer becomes pixels."""

    scope: ClassVar = "vector"

    burn_value: float = control(
        "burnvalue", 1, checks.number, "Value of a pixel inside a feature", setter="setBurnValue"
    )
    burn_attribute: str | None = control(
        "burnattribute",
        None,
        or_none(text),
        "Attribute that gives the value inside a feature; wins over a value for all",
        setter="setBurnAttribute",
    )
    null: float = control(
        "vectornull",
        0,
        checks.number,
        "Value of a pixel outside every feature; also the nodata value",
        setter="setVectorNull",
        plain="vector_null",
    )
    where: str | None = control(
        "filtersql",
        None,
        or_none(text),
        "Filter, as the WHERE clause of SQL without that word",
        setter="setFilterSQL",
    )
    all_touched: bool = control(
        "alltouched", False, flag, "Burn every pixel that a feature touches, not centres only"
    )
    dtype: str = control(
        "vectordatatype",
        "uint8",
        checks.dtype,
        "Numpy type of the pixels",
        setter="setVectorDatatype",
        plain="vector_dtype",
    )
    layer: int | str = control(
        "vectorlayer",
        0,
        checks.layer,
        "Layer number from 0, or its name",
        plain="vector_layer",
    )


@dataclass(frozen=True, slots=True)
class InputOptions:
    """What holds for one input, raster or vector."""

    scope: ClassVar = "input"

    layers: tuple[int | str, ...] | None = control(
        "layerselection",
        None,
        or_none(list_of(checks.band, "band numbers from 1 or descriptions")),
        "Bands to read, by number from 1 or description; None for all",
        setter="selectInputImageLayers",
        plain="bands",
    )
    nodata: float | tuple[float, ...] | None = control(
        "inputnodata",
        None,
        or_none(checks.nodata),
        "Wins over the file's nodata value; one for all bands that are read, or one each",
        setter="setInputNoDataValue",
        plain="input_nodata",
    )
    mask: bool = control(
        "inputmask",
        False,
        flag,
        "Pixels that a mask of the file leaves out become nodata",
        setter="setInputMask",
        plain="input_mask",
    )
    resampling: str = control(
        "resampleMethod",
        "near",
        checks.resample_method,
        f"How pixels come onto another grid: {', '.join(RESAMPLE_METHODS)}",
    )
    overlap_fill: str = control(
        "overlapFill",
        "nodata",
        checks.one_of(*OVERLAP_FILLS),
        f"What the margin has beyond the edge of the image: {', '.join(OVERLAP_FILLS)}",
    )
    # the function gets masked arrays: NaN of floats and masks of files are no data
    as_masked: bool = False
    # scale and offset that the file tells are applied; None: they are not, and the user is told
    scaled: bool | None = False
    # what a catalogue tells where the file says nothing, for each of its bands or one for all:
    # scale and offset, nodata values
    told_scaling: tuple[tuple[float, float], ...] = ()
    told_nodata: tuple[float | None, ...] = ()
    vector: VectorOptions = VectorOptions()
    # setters of vectors that were called for this input, or for all with another than the default
    vector_controls: tuple[str, ...] = ()
    vector_controls_for_all: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """What holds for one output."""

    scope: ClassVar = "output"

    driver: str | None = control(
        "drivername",
        None,
        or_none(text),
        "GDAL's short name of the format; None to go by the file's extension",
        setter="setOutputDriverName",
        variable=Variable("RIOS_DFLT_DRIVER", str),
    )
    creation_options: tuple[str, ...] | None = control(
        "creationoptions",
        None,
        or_none(checks.creation_options),
        "NAME=VALUE each; None for the driver's defaults",
        setter="setCreationOptions",
    )
    # by driver, those that the environment gives
    default_creation_options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    thematic: bool = control("thematic", False, flag, "The values are classes")
    layer_names: tuple[str, ...] | None = control(
        "layernames",
        None,
        # the names that ImageInfo has of another file may be empty
        or_none(list_of(checks.any_text, "names")),
        "A description for each band",
        setter="setLayerNames",
        plain="band_names",
    )
    tags: dict[str, str] = control(
        "tags", {}, checks.texts_by_name(but=("ns", "bidx")), "Metadata of the file: texts by name"
    )
    nodata: float | None = control(
        "statsIgnore",
        ZeroByDefault(),
        or_none(checks.number),
        "Nodata value of every band; pixels with it are left out of statistics",
    )
    checksum: str | None = control(
        "checksum",
        None,
        or_none(checks.one_of(*CHECKSUMS)),
        f"Checksum of the file that is told of it: {', '.join(CHECKSUMS)}; None for none",
    )
    omit_pyramids: bool = control("omitPyramids", False, flag, "Go without pyramids (overviews)")
    omit_statistics: bool = control("omitBasicStats", False, flag, "Go without basic statistics")
    omit_histogram: bool = control("omitHistogram", False, flag, "Go without a histogram")
    overview_levels: tuple[int, ...] = control(
        "overviewLevels",
        (4, 8, 16, 32, 64, 128, 256, 512),
        list_of(whole(2), "whole numbers above 1", may_be_empty=True),
        "Decimation factors of pyramids",
        variable=Variable("RIOS_DFLT_OVERVIEWLEVELS", environment.levels),
    )
    overview_min_dim: int = control(
        "overviewMinDim",
        128,
        whole(0),
        "What the shorter side of an overview, rounded down, must exceed",
        unit="pixels",
        variable=Variable("RIOS_DFLT_MINOVERLEVELDIM", environment.whole(1)),
    )
    overview_resampling: str | None = control(
        "overviewAggType",
        None,
        or_none(checks.overview_method),
        "How overviews are made, by GDAL's name, as NEAREST; None to let the program choose",
        setter="setOverviewAggregationType",
        variable=Variable("RIOS_DFLT_OVERVIEWAGGTYPE", environment.overview_method),
    )
    single_pass_pyramids: bool | None = control(
        "singlePassPyramids",
        None,
        or_none(flag),
        "Make pyramids while blocks pass; None to let the program choose",
    )
    single_pass_statistics: bool | None = control(
        "singlePassBasicStats",
        None,
        or_none(flag),
        "Make statistics while blocks pass; None to let the program choose",
    )
    single_pass_histogram: bool | None = control(
        "singlePassHistogram",
        None,
        or_none(flag),
        "Make the histogram while blocks pass; None to let the program choose",
    )
    approximate_statistics: bool = control(
        "approxStats", False, flag, "Statistics and histogram come from a sample"
    )
    exact_histogram: bool = control(
        "exactHistogram", False, flag, "Count each bin exactly, by reading the finished file again"
    )
    default_histogram: bool = control(
        "defaultHistogram", False, flag, "Write the histogram into .aux.xml, too, as GDAL's default"
    )
    color_table: str | None = control(
        "autoColorTableType",
        None,
        or_none(checks.one_of(*AUTO_COLOR_TABLES)),
        f"Colour table of outputs with classes: {', '.join(AUTO_COLOR_TABLES)}",
        variable=Variable("RIOS_DFLT_AUTOCOLORTABLETYPE", environment.color_table),
    )
