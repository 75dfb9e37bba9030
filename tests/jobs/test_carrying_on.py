"""What harms no pixel: the run goes on, and the log tells of it once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows import engine, rioserrors
from rios_flows.structures import ConcurrencyStyle
from tests.support.jobs import SmallJob
from tests.support.outputs import Output
from tests.support.rasters import Array, read_raster

Log = pytest.LogCaptureFixture


def warnings_in(caplog: Log, word: str) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelname == "WARNING" and word in record.getMessage()
    ]


class Casting:
    """Makes blocks of one type, but for the first one, and for every second one after that."""

    def __init__(self, first: str, later: str, offset: float = 0) -> None:
        self.first, self.later, self.offset = first, later, offset

    def __call__(self, info: Any, inputs: Any, outputs: Any) -> None:
        column, row = info.getBlockCount()
        other = (column + row) % 2
        pixels = inputs.image.astype(self.later if other else self.first)
        outputs.result = pixels + pixels.dtype.type(self.offset) if other else pixels


@pytest.mark.parametrize(
    ("first", "later"),
    [
        ("float32", "uint8"),
        ("float64", "float32"),
        ("float64", "int32"),
        ("float64", "int64"),
        ("int64", "bool"),
        ("complex128", "uint64"),
        ("int16", "int8"),
        # not every value of these types, but all those that there are
        ("float32", "float64"),
        ("int32", "float32"),
        ("uint32", "int64"),
        ("float32", "int32"),
        ("complex64", "float64"),
    ],
)
def test_a_later_block_whose_values_the_first_type_has(
    tmp_path: Path, caplog: Log, first: str, later: str
) -> None:
    job = SmallJob(tmp_path)
    job.run(Casting(first, later))
    pixels = job.result()
    assert pixels.dtype == first
    rows, columns = np.indices(job.pixels.shape[1:]) // 32
    wanted = np.where((rows + columns) % 2, job.pixels.astype(later), job.pixels.astype(first))
    np.testing.assert_array_equal(pixels, wanted)
    (said,) = warnings_in(caplog, "the type of the first block")
    for word in ("'result'", "out.tif", "block row 0, column 1", later.replace("bool", "uint8")):
        assert word in said


@pytest.mark.parametrize(
    ("first", "later", "offset"),
    [
        ("int16", "float32", 0.5),
        ("int16", "float32", np.nan),
        ("uint8", "int16", 0),
        ("uint8", "int8", 0),
        ("float32", "int32", 2**24),
        ("float32", "float64", 0.1),
        ("float64", "complex64", 0),
        # numpy calls these two safe, and they are not
        ("float64", "int64", 2**53),
        ("complex128", "uint64", 2**63),
    ],
)
def test_a_later_block_whose_values_would_change(
    tmp_path: Path, first: str, later: str, offset: float
) -> None:
    job = SmallJob(tmp_path)
    with pytest.raises(rioserrors.TypeConversionError) as caught:
        job.run(Casting(first, later, offset))
    for word in ("'result'", "block row 0, column 1", first, later, "astype"):
        assert word in str(caught.value)
    assert job.files() == job.before


def test_blocks_of_nothing_in_numpys_own_type(tmp_path: Path, caplog: Log) -> None:
    job = SmallJob(tmp_path)

    def left(info: Any, inputs: Any, outputs: Any) -> None:
        empty = info.getBlockCount()[0] > 0
        outputs.result = np.zeros(inputs.image.shape) if empty else inputs.image.astype("uint8")

    job.run(left)
    pixels = job.result()
    assert pixels.dtype == "uint8"
    np.testing.assert_array_equal(pixels[..., :32], job.pixels.astype("uint8")[..., :32])
    assert not pixels[..., 32:].any()
    assert len(warnings_in(caplog, "the type of the first block")) == 1


def test_a_masked_block_of_another_type(tmp_path: Path) -> None:
    job = SmallJob(tmp_path)
    job.controls.setStatsIgnore(-9999)

    def masked(info: Any, inputs: Any, outputs: Any) -> None:
        first = info.isFirstBlock()
        pixels = (inputs.image % 100).astype("float32" if first else "int16")
        outputs.result = np.ma.masked_where(pixels % 7 == 0, pixels)

    job.run(masked)
    np.testing.assert_array_equal(
        job.result(), np.where(job.pixels % 100 % 7, job.pixels % 100, -9999)
    )


@pytest.mark.parametrize("style", [None, ConcurrencyStyle(1, 2, "CW_THREADS")])
@pytest.mark.parametrize(
    ("name", "dtype", "nodata"),
    [
        ("new.tif", "uint8", -9999),
        ("new.img", "uint8", 256),
        ("new.zarr", "int16", -999.5),
        ("new.tif", "int32", float("nan")),
        ("new.tif", "uint16", -1),
        ("new.tif", "float32", 1e300),
        ("new.tif", "int64", 2**63),
    ],
)
def test_a_nodata_value_that_no_pixel_can_have(
    tmp_path: Path,
    caplog: Log,
    name: str,
    dtype: str,
    nodata: float,
    style: ConcurrencyStyle | None,
) -> None:
    output = Output(tmp_path, name)
    output.controls.setStatsIgnore(nodata)
    output.controls.setWindowSize(100, 100)
    if style is not None:
        output.controls.setConcurrencyStyle(style)

    def narrow(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = (inputs.image % 100).astype(dtype)

    output.run(narrow)
    pixels = read_raster(output.path)
    with rasterio.open(output.path) as dataset:
        assert dataset.nodata is None
        tags = dataset.tags(1)
    # all pixels count
    assert float(tags["STATISTICS_MEAN"]) == pytest.approx(pixels.mean(), abs=1e-9)
    assert float(tags["STATISTICS_MINIMUM"]) == pixels.min() == 0
    assert not tags.get("STATISTICS_EXCLUDEDVALUES")
    (said,) = warnings_in(caplog, "setStatsIgnore")
    for word in ("'result'", name, dtype, f"nodata value {nodata}", "imagename='result'"):
        assert word in said


def test_a_nodata_value_for_several_outputs_that_one_cannot_have(
    tmp_path: Path, caplog: Log
) -> None:
    job = SmallJob(tmp_path)
    job.outfiles.result = [job.folder / "bytes.tif", job.folder / "floats.tif"]
    job.controls.setStatsIgnore(-9999)

    def both(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = [inputs.image.astype("uint8"), inputs.image.astype("float32")]

    job.run(both)
    found = []
    for path in job.outfiles.result:
        with rasterio.open(path) as dataset:
            found.append(dataset.nodata)
    assert found == [None, -9999]
    (said,) = warnings_in(caplog, "setStatsIgnore")
    assert "result[0]" in said


def test_a_nodata_value_that_an_option_has_no_room_for(tmp_path: Path, caplog: Log) -> None:
    output = Output(tmp_path)
    output.controls.setStatsIgnore(255)
    output.controls.setCreationOptions(["NBITS=4"])
    output.run(lambda info, inputs, outputs: setattr(outputs, "result", few(inputs.image)))
    assert output.about().nodata is None
    (said,) = warnings_in(caplog, "setStatsIgnore")
    assert "uint8 with NBITS=4" in said


def few(pixels: Array) -> Array:
    return (pixels % 16).astype("uint8")


def test_names_without_a_file(tmp_path: Path) -> None:
    job = SmallJob(tmp_path)
    job.infiles.mask = None
    job.outfiles.quality = None
    job.controls.setResampleMethod("near", imagename="mask")
    job.controls.setStatsIgnore(255, imagename="quality")

    def double_where_masked(info: Any, inputs: Any, outputs: Any) -> None:
        keep = 1 if inputs.mask is None else inputs.mask
        outputs.result = inputs.image * 2 * keep
        outputs.quality = inputs.image

    for style in (ConcurrencyStyle(), ConcurrencyStyle(2, 2, "CW_THREADS")):
        job.controls.setConcurrencyStyle(style)
        result = job.run(double_where_masked)
        np.testing.assert_array_equal(job.result(), job.pixels * 2)
        assert list(result.singlePassMgr.pyramids) == ["result"]


def test_no_name_with_a_file(tmp_path: Path) -> None:
    job = SmallJob(tmp_path)
    job.infiles.image = None
    with pytest.raises(rioserrors.ParameterError, match="infiles is empty"):
        job.run()


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        (
            "new.tif",
            ["COMPRESSED=YES", "TILED=YES"],
            [("GTiff has no option COMPRESSED", "HFA has it", "is COMPRESS meant?")],
        ),
        (
            "new.img",
            ["COMPRESS=LZW", "TILED=YES"],
            [
                ("HFA has no option COMPRESS ", "GTiff/COG/Zarr has it", "is COMPRESSED meant?"),
                ("HFA has no option TILED", "GTiff has it"),
            ],
        ),
        ("new.tif", ["COMPRES=LZW"], [("GTiff has no option COMPRES ", "is COMPRESS meant?")]),
        ("new.tif", ["COLOUR=NO"], [("GTiff has no option COLOUR", "there are", "ZLEVEL")]),
    ],
)
def test_options_that_a_driver_does_not_know(
    tmp_path: Path, caplog: Log, name: str, options: list[str], words: list[tuple[str, ...]]
) -> None:
    output = Output(tmp_path, name)
    output.controls.setCreationOptions(options)
    output.controls.setWindowSize(50, 50)
    output.run()
    found = warnings_in(caplog, "setCreationOptions")
    assert len(found) == len(words)
    for said, wanted in zip(found, words, strict=True):
        assert all(word in said for word in (*wanted, "'result'", name, "left out")), said
    np.testing.assert_array_equal(
        read_raster(output.path), read_raster(output.job.folder / "big.tif") * 2
    )


def test_an_option_beside_one_that_is_left_out_holds(tmp_path: Path) -> None:
    output = Output(tmp_path)
    output.controls.setCreationOptions(["COMPRESSED=YES", "COMPRESS=LZW"])
    output.run()
    assert output.structure()["COMPRESSION"] == "LZW"


def test_another_drivers_options_alone_leave_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = Output(tmp_path)
    output.controls.setCreationOptions(["COMPRESSED=YES", "IGNOREUTM=YES"])
    output.run()
    assert output.structure()["COMPRESSION"] == "DEFLATE"
    monkeypatch.setenv("RIOS_DFLT_CREOPT_GTiff", "COMPRESS=ZSTD")
    output = Output(tmp_path)
    output.controls.setCreationOptions(["COMPRESSED=YES", "IGNOREUTM=YES"])
    output.run()
    assert output.structure()["COMPRESSION"] == "ZSTD"


@pytest.mark.parametrize(
    "options",
    [
        "COMPRESS=LZW TILED=YES BLOCKXSIZE=32 BLOCKYSIZE=64",
        ["COMPRESS=LZW TILED=YES", "BLOCKXSIZE=32  BLOCKYSIZE=64 "],
        "COMPRESS = LZW TILED = YES BLOCKXSIZE =32 BLOCKYSIZE= 64",
    ],
)
def test_options_in_one_string(output_of: Output, options: str | list[str], caplog: Log) -> None:
    given: Any = options
    output_of.controls.setCreationOptions(given)
    output_of.run()
    assert output_of.about().tile == (64, 32)
    assert output_of.structure()["COMPRESSION"] == "LZW"
    assert not caplog.records


@pytest.fixture
def output_of(tmp_path: Path) -> Output:
    return Output(tmp_path)


def test_text_that_is_an_options_value_is_left_whole(tmp_path: Path) -> None:
    output = Output(tmp_path, "new.mrf")
    output.controls.setOutputDriverName("MRF")
    output.controls.setCreationOptions(
        ["COMPRESS=DEFLATE OPTIONS=RAWZ=1 Z_STRATEGY=Z_RLE BLOCKSIZE=64"]
    )
    job = engine.prepare(
        lambda *_: None, output.job.infiles, output.job.outfiles, None, output.controls
    )
    (target,) = job.plan.targets
    assert target.format.options["OPTIONS"] == "RAWZ=1 Z_STRATEGY=Z_RLE"
    assert target.format.options["BLOCKSIZE"] == "64"


@pytest.mark.parametrize("options", ["COMPRESS=LZW TILED=MAYBE", "COMPRESS=LZW,TILED=YES", "TILED"])
def test_a_value_that_a_known_option_does_not_take_is_refused(tmp_path: Path, options: str) -> None:
    output = Output(tmp_path)
    given: Any = options
    output.controls.setCreationOptions(given)
    with pytest.raises(rioserrors.ParameterError, match="setCreationOptions"):
        output.run()
    assert not output.path.exists()


def test_an_ending_of_a_driver_that_is_not_there(tmp_path: Path, caplog: Log) -> None:
    output = Output(tmp_path, "new.kea")
    output.run()
    assert output.about().driver == "HFA"
    (said,) = warnings_in(caplog, "KEA")
    for word in ("'result'", "new.kea", "is written as HFA", "is not in the GDAL"):
        assert word in said
