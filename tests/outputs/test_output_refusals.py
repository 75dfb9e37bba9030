"""Outputs that cannot be as asked: a clear error, and the old file as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import rasterio

from rios_flows import engine, rioserrors
from rios_flows.controls.controls import ApplierControls
from rios_flows.structures import FilenameAssociations
from tests.support.copies import Copy


class Bad(NamedTuple):
    """What is asked for, of which pixels, and what is wrong with it.

    ``early`` tells whether that is found before the first block is read.
    """

    ask: Callable[[ApplierControls], object]
    error: type[Exception]
    words: tuple[str, ...]
    dtype: str = "int16"
    name: str = "out.tif"
    early: bool = True


def both(*asks: Callable[[ApplierControls], object]) -> Callable[[ApplierControls], object]:
    return lambda controls: [ask(controls) for ask in asks]


def compressed(driver: str, option: str) -> Callable[[ApplierControls], object]:
    return both(lambda c: c.setOutputDriverName(driver), lambda c: c.setCreationOptions([option]))


SINGLE = rioserrors.SinglePassActionsError
PARAMETER = rioserrors.ParameterError

TABLE = {
    "unknown driver": Bad(
        lambda c: c.setOutputDriverName("GTif"), PARAMETER, ("setOutputDriverName", "'GTif'")
    ),
    "unknown value of an option": Bad(
        lambda c: c.setCreationOptions(["COMPRESS=BEST"]), PARAMETER, ("COMPRESS=BEST", "DEFLATE")
    ),
    "layer names": Bad(
        lambda c: c.setLayerNames(["one"]), PARAMETER, ("setLayerNames", "2 bands"), early=False
    ),
    "thematic and approximate": Bad(
        both(lambda c: c.setThematic(True), lambda c: c.setApproxStats(True)),
        rioserrors.ThematicError,
        ("setApproxStats", "setThematic"),
    ),
    "approximate without pyramids": Bad(
        both(lambda c: c.setOmitPyramids(True), lambda c: c.setApproxStats(True)),
        PARAMETER,
        ("setApproxStats", "setOmitPyramids"),
    ),
    "approximate and exact": Bad(
        both(lambda c: c.setExactHistogram(True), lambda c: c.setApproxStats(True)),
        PARAMETER,
        ("setApproxStats", "setExactHistogram"),
    ),
    "approximate in the single pass": Bad(
        both(lambda c: c.setSinglePassBasicStats(True), lambda c: c.setApproxStats(True)),
        SINGLE,
        ("setSinglePassBasicStats", "approximate", "set it to None"),
    ),
    "approximate histogram in the single pass": Bad(
        both(lambda c: c.setSinglePassHistogram(True), lambda c: c.setApproxStats(True)),
        SINGLE,
        ("setSinglePassHistogram", "approximate"),
    ),
    "omitted statistics in the single pass": Bad(
        both(lambda c: c.setSinglePassBasicStats(True), lambda c: c.setOmitBasicStats(True)),
        SINGLE,
        ("setSinglePassBasicStats", "setOmitBasicStats"),
    ),
    "omitted histogram in the single pass": Bad(
        both(lambda c: c.setSinglePassHistogram(True), lambda c: c.setOmitHistogram(True)),
        SINGLE,
        ("setSinglePassHistogram", "setOmitHistogram"),
    ),
    "omitted pyramids in the single pass": Bad(
        both(lambda c: c.setSinglePassPyramids(True), lambda c: c.setOmitPyramids(True)),
        SINGLE,
        ("setSinglePassPyramids", "setOmitPyramids"),
    ),
    "cubic in the single pass": Bad(
        both(
            lambda c: c.setSinglePassPyramids(True),
            lambda c: c.setOverviewAggregationType("CUBIC"),
        ),
        SINGLE,
        ("setSinglePassPyramids", "CUBIC"),
    ),
    "no such overviews": Bad(
        lambda c: c.setOverviewAggregationType("AVERAGE_MAGPHASE"),
        rioserrors.UnsupportedControlError,
        ("AVERAGE_MAGPHASE", "rasterio"),
    ),
    "statistics of complex pixels": Bad(
        lambda c: c.setSinglePassBasicStats(True),
        SINGLE,
        ("setSinglePassBasicStats", "complex64"),
        "complex64",
        early=False,
    ),
    "means of complex pixels": Bad(
        both(
            lambda c: c.setSinglePassPyramids(True),
            lambda c: c.setOverviewAggregationType("AVERAGE"),
        ),
        SINGLE,
        ("setSinglePassPyramids", "AVERAGE of complex64"),
        "complex64",
        early=False,
    ),
    "a type that the driver would turn into bytes": Bad(
        lambda c: c.setOutputDriverName("PCIDSK"),
        rioserrors.TypeConversionError,
        ("PCIDSK", "int32", "uint8", "astype"),
        "int32",
        "out.pix",
        early=False,
    ),
    "int8 in ENVI": Bad(
        lambda c: c.setOutputDriverName("ENVI"),
        rioserrors.TypeConversionError,
        ("ENVI", "int8", "uint8"),
        "int8",
        "out.bil",
        early=False,
    ),
    "a type that the driver does not name": Bad(
        lambda c: c.setOutputDriverName("ISCE"),
        rioserrors.ImageOpenError,
        ("ISCE", "uint16"),
        "uint16",
        "out.dat",
        early=False,
    ),
    "more bands than the driver makes": Bad(
        both(lambda c: c.setOutputDriverName("GTX"), lambda c: c.setStatsIgnore(None)),
        rioserrors.ImageOpenError,
        ("GTX", "in place of 2"),
        "float32",
        "out.gtx",
        early=False,
    ),
    "more bands than the driver gives a nodata value": Bad(
        lambda c: c.setOutputDriverName("GTX"),
        rioserrors.ImageOpenError,
        ("GTX", "2 bands"),
        "float32",
        "out.gtx",
        early=False,
    ),
    "a nodata value that no float can be": Bad(
        lambda c: c.setStatsIgnore(10**400, "result"), PARAMETER, ("setStatsIgnore", "308 digits")
    ),
    "int64 in HFA": Bad(
        lambda c: None,
        rioserrors.TypeConversionError,
        ("HFA", "int64", "astype"),
        "int64",
        "out.img",
        early=False,
    ),
    **{
        f"{driver} of {dtype} with {compression}": Bad(
            compressed(driver, compression),
            rioserrors.ImageOpenError,
            (driver, compression, "2 band(s)", dtype, "setCreationOptions"),
            dtype,
            early=False,
        )
        for driver, compression, dtype in (
            ("GTiff", "COMPRESS=JPEG", "uint16"),
            ("GTiff", "COMPRESS=JPEG", "float32"),
            ("GTiff", "COMPRESS=LERC", "int64"),
            ("GTiff", "COMPRESS=WEBP", "uint8"),
            ("COG", "COMPRESS=JPEG", "uint16"),
            ("COG", "COMPRESS=LERC_ZSTD", "int64"),
            ("COG", "COMPRESS=WEBP", "uint8"),
            ("COG", "OVERVIEW_COMPRESS=JPEG", "uint16"),
        )
    },
    "elsewhere": Bad(
        lambda c: None,
        rioserrors.ImageOpenError,
        ("https://example.org/out.tif", "local files or to s3://"),
        name="https://example.org/out.tif",
    ),
}


@pytest.mark.parametrize("what", TABLE)
def test_what_cannot_be(tmp_path: Path, what: str) -> None:
    bad = TABLE[what]
    job = Copy(tmp_path, np.ones((2, 100, 130), bad.dtype))
    job.outfiles.result = bad.name if "://" in bad.name else tmp_path / bad.name
    if "://" not in bad.name:
        (tmp_path / bad.name).write_text("the old one")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    bad.ask(job.controls)
    call = engine.prepare if bad.early else engine.apply
    with pytest.raises(bad.error) as caught:
        call(job.function, job.infiles, job.outfiles, controls=job.controls)
    for word in (*bad.words, "'result'"):
        assert word in str(caught.value)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("driver", "names"),
    [("ENVI", ("a.bil", "a.bsq")), ("ERS", ("a.ers", "a")), ("EHdr", ("a.bil", "a.flt"))],
)
def test_outputs_that_share_a_file(tmp_path: Path, driver: str, names: tuple[str, str]) -> None:
    job = Copy(tmp_path, np.ones((1, 70, 80), "int16"))
    outfiles = FilenameAssociations()
    outfiles.first, outfiles.second = tmp_path / names[0], tmp_path / names[1]

    def function(info: object, inputs: Any, outputs: Any) -> None:
        outputs.first = inputs.grid.astype("int16")
        outputs.second = inputs.grid.astype("float32")

    job.controls.setOutputDriverName(driver)
    before = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(rioserrors.ImageOpenError, match=r"'first'.*'second'.*both need the file"):
        engine.apply(function, job.infiles, outfiles, controls=job.controls)
    assert {path.name for path in tmp_path.iterdir()} == before


def test_a_cog_in_jpeg_loses_no_band(tmp_path: Path) -> None:
    job = Copy(tmp_path, np.full((4, 100, 130), 200, "uint8"))
    job.controls.setOutputDriverName("COG")
    job.controls.setCreationOptions(["COMPRESS=JPEG"])
    with pytest.raises(rioserrors.ImageOpenError, match=r"4 band\(s\) of uint8, but makes 3"):
        job.run()


@pytest.mark.parametrize("driver", ["GTiff", "COG"])
@pytest.mark.parametrize(
    ("compression", "dtype", "bands"),
    [("JPEG", "uint8", 1), ("JPEG", "uint8", 3), ("WEBP", "uint8", 4), ("LERC", "float32", 2)],
)
def test_compressions_that_hold_the_pixels(
    tmp_path: Path, driver: str, compression: str, dtype: str, bands: int
) -> None:
    job = Copy(tmp_path, np.full((bands, 100, 130), 200, dtype))
    job.controls.setOutputDriverName(driver)
    job.controls.setCreationOptions([f"COMPRESS={compression}"])
    job.run()
    with rasterio.open(job.path) as dataset:
        assert abs(dataset.read().astype(float) - 200).max() < 4


@pytest.mark.parametrize("name", ["x.tif.ovr", "x.tif.msk", "x.tif.aux.xml"])
def test_an_output_that_gdal_takes_for_a_part_of_another(tmp_path: Path, name: str) -> None:
    refuse_together(tmp_path, "GTiff", "x.tif", name)


@pytest.mark.parametrize("name", ["x.ige", "x.rrd", "x.img.aux.xml"])
def test_an_output_that_hfa_takes_for_a_part_of_another(tmp_path: Path, name: str) -> None:
    refuse_together(tmp_path, "HFA", "x.img", name)


def refuse_together(folder: Path, driver: str, *names: str) -> None:
    job = Copy(folder, np.ones((1, 70, 80), "uint8"))
    for order in (names, names[::-1]):
        job.outfiles = FilenameAssociations()
        for label, name in zip(("first", "second"), order, strict=True):
            setattr(job.outfiles, label, folder / name)
        job.controls.setOutputDriverName(driver)
        before = set(folder.iterdir())
        with pytest.raises(rioserrors.ParameterError, match=r"belongs to output.*another name"):
            job.run()
        assert set(folder.iterdir()) == before
