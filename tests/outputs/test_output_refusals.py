"""Outputs that cannot be as asked: a clear error, and the old file as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import rasterio

from rios_flows import engine, rioserrors
from rios_flows.controls.controls import ApplierControls
from rios_flows.structures import FilenameAssociations
from tests.support.copies import Copy

ROOT = Path(__file__).parents[2]


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


LIMITED = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from rios_flows import rioserrors
from tests.support.copies import Copy

folder, name, driver, limit = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
further = sys.argv[5:]
pixels = np.random.default_rng(0).integers(1, 30000, (1, 1000, 1000)).astype("int16")
job = Copy(folder, pixels, name)
job.controls.setWindowSize(256, 256)
job.controls.setOutputDriverName(driver)
if further:
    job.controls.setCreationOptions(["TILED=YES"])
    job.controls.setOverviewAggregationType(further[0])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    job.run()
except rioserrors.ImageWriteError as error:
    print("refused:", error)
"""


@pytest.mark.parametrize(
    ("name", "driver"), [("out.tif", "GTiff"), ("out.img", "HFA"), ("out.tif", "COG")]
)
# in the middle of the pixels, and when all of them are there but the overviews are not
@pytest.mark.parametrize("share", [0.3, 0.97])
def test_a_file_that_may_not_grow(tmp_path: Path, name: str, driver: str, share: float) -> None:
    size = whole_size(tmp_path, name, driver)
    (tmp_path / name).write_text("the old one")
    command = [sys.executable, "-c", LIMITED, str(tmp_path), name, driver, str(int(size * share))]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith("refused: Unable to"), done.stdout + done.stderr
    assert "'result'" in done.stdout
    assert (tmp_path / name).read_text() == "the old one"
    assert not (tmp_path / f".{name}.rios_flows").exists()


# the last bytes of all, and some of what comes before
@pytest.mark.parametrize("missing", [1, 60_000, 200_000])
@pytest.mark.parametrize("method", ["NEAREST", "GAUSS"])
def test_a_file_without_compression_that_may_not_grow(
    tmp_path: Path, method: str, missing: int
) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", LIMITED, str(tmp_path), "out.tif", "GTiff"]
    subprocess.run([*command, str(2**40), method], env=env, check=True, timeout=120)
    size = (tmp_path / "out.tif").stat().st_size
    (tmp_path / "out.tif").write_text("the old one")
    command += [str(size - missing), method]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith("refused: Unable to"), done.stdout + done.stderr
    assert "is the disk full" in done.stdout
    assert (tmp_path / "out.tif").read_text() == "the old one"


def whole_size(folder: Path, name: str, driver: str) -> int:
    pixels = np.random.default_rng(0).integers(1, 30000, (1, 1000, 1000)).astype("int16")
    job = Copy(folder, pixels, name)
    job.controls.setWindowSize(256, 256)
    job.controls.setOutputDriverName(driver)
    job.run()
    return job.path.stat().st_size


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 1 MB, where that is allowed."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no file system may be mounted here; RLIMIT_FSIZE is tried in any case")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.may_skip("in a container without the right to mount")
@pytest.mark.parametrize("driver", ["GTiff", "HFA", "COG", "ENVI"])
def test_a_disk_that_is_full(small_disk: Path, driver: str) -> None:
    job = Copy(
        small_disk.parent,
        np.random.default_rng(0).integers(1, 30000, (1, 800, 800)).astype("int16"),
    )
    job.path = small_disk / "out.tif"
    job.outfiles.result = job.path
    job.controls.setWindowSize(256, 256)
    job.controls.setOutputDriverName(driver)
    job.path.write_text("the old one")
    with pytest.raises(rioserrors.ImageWriteError, match="is the disk full"):
        job.run()
    assert job.path.read_text() == "the old one"
    assert [path.name for path in small_disk.iterdir()] == ["out.tif"]


def test_large_files_may_be_larger_than_4_gb(tmp_path: Path) -> None:
    job = Copy(tmp_path, np.ones((1, 100, 100), "uint8"))
    job.controls.setCreationOptions(["BIGTIFF=YES", "TILED=YES"])
    job.run()
    assert job.path.read_bytes()[2] == 43
    with rasterio.open(job.path) as dataset:
        assert dataset.read().all()


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


def test_the_cause_of_a_failure_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rasterio.io import DatasetWriter

    job = Copy(tmp_path, np.ones((1, 100, 130), "uint8"))

    def fails(*args: Any, **kwargs: Any) -> None:
        try:
            try:
                raise OSError("TIFFAppendToStrip:Maximum TIFF file size exceeded")
            except OSError as error:
                raise OSError("An error occurred while writing a dirty block") from error
        except OSError as error:
            raise rasterio.errors.RasterioIOError("Write failed. See above.") from error

    monkeypatch.setattr(DatasetWriter, "write", fails)
    with pytest.raises(rioserrors.ImageWriteError) as caught:
        job.run()
    assert str(caught.value).endswith("Maximum TIFF file size exceeded")


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
