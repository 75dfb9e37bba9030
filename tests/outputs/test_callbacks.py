"""What ``setCallBeforeClose`` calls: with the open output, in rasterio's words and in GDAL's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows import engine, rat, rioserrors
from rios_flows.controls.controls import ApplierControls
from rios_flows.outputs.callbacks import Band, OpenOutput
from rios_flows.structures import FilenameAssociations
from tests.support.copies import Copy
from tests.support.rasters import CRS, ORIGIN, RES, coordinates, write_raster
from tests.support.styles import STYLES


class Job:
    """Copies two bands of 40 x 50 pixels."""

    def __init__(self, folder: Path, ending: str = "tif", style: str = "none") -> None:
        self.path = folder / f"out.{ending}"
        self.infiles, self.outfiles = FilenameAssociations(), FilenameAssociations()
        self.infiles.image = write_raster(folder / "in.tif", coordinates(2, 50, 40, "uint8"))
        self.outfiles.result = self.path
        self.controls = ApplierControls()
        self.controls.setWindowSize(16, 16)
        self.controls.setConcurrencyStyle(STYLES[style])

    def run(self) -> None:
        engine.apply(copy, self.infiles, self.outfiles, controls=self.controls)


def copy(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = inputs.image


@pytest.mark.parametrize("style", STYLES)
def test_rasterio_words(tmp_path: Path, style: str) -> None:
    job, seen = Job(tmp_path, style=style), []

    def before_close(dataset: Any, word: str, number: int) -> None:
        seen.append((dataset.count, dataset.shape, dataset.tags(1)["STATISTICS_MAXIMUM"]))
        dataset.update_tags(WORD=word)
        dataset.update_tags(2, NUMBER=number)

    job.controls.setCallBeforeClose(before_close, args=("of mouth", 7), imagename="result")
    job.run()
    maximum = str(coordinates(2, 50, 40, "uint8")[0].max())
    assert seen == [(2, (50, 40), maximum)]
    with rasterio.open(job.path) as dataset:
        assert dataset.tags()["WORD"] == "of mouth"
        assert dataset.tags(2)["NUMBER"] == "7"


@pytest.mark.parametrize("ending", ["tif", "img"])
def test_gdal_words(tmp_path: Path, ending: str) -> None:
    job = Job(tmp_path, ending)
    seen: dict[str, Any] = {}

    def before_close(dataset: Any) -> None:
        seen["size"] = (dataset.RasterXSize, dataset.RasterYSize, dataset.RasterCount)
        seen["transform"] = dataset.GetGeoTransform()
        seen["crs"] = dataset.GetProjection()
        dataset.SetMetadataItem("HISTORY", "made by a test")
        assert dataset.GetMetadataItem("HISTORY") == "made by a test"
        assert dataset.GetMetadataItem("NOTHING") is None
        band = dataset.GetRasterBand(2)
        band.SetMetadataItem("SENSOR", "eye")
        band.SetDescription("second")
        seen["band"] = (band.GetDescription(), band.GetNoDataValue(), band.DataType)
        seen["band size"] = (band.XSize, band.YSize)
        band.FlushCache()
        with pytest.raises(IndexError, match="band 3 of 2"):
            dataset.GetRasterBand(3)

    job.controls.setCallBeforeClose(before_close)
    job.run()
    assert seen["size"] == (40, 50, 2)
    assert seen["transform"] == (ORIGIN[0], RES, 0, ORIGIN[1], 0, -RES)
    assert rasterio.crs.CRS.from_wkt(seen["crs"]) == rasterio.crs.CRS.from_string(CRS)
    # GDT_Byte
    assert seen["band"] == ("second", 0, 1)
    assert seen["band size"] == (40, 50)
    with rasterio.open(job.path) as dataset:
        assert dataset.tags()["HISTORY"] == "made by a test"
        assert dataset.tags(2)["SENSOR"] == "eye"
        assert dataset.descriptions[1] == "second"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda d: d.GetRasterBand(1).SetColorTable(0),
            "no SetColorTable: use dataset.write_color",
        ),
        (lambda d: d.GetRasterBand(1).SetDefaultRAT(0), "no SetDefaultRAT: use rat.writeCol"),
        (lambda d: d.GetRasterBand(1).Fill(0), "no Fill: there are DataType, FlushCache, GetBand"),
        (lambda d: d.BuildOverviews(), "no BuildOverviews: there are FlushCache, GetGeoTransform"),
        (lambda d: d.update_tag(A=1), "no attribute 'update_tag'"),
    ],
)
def test_what_gdal_has_and_this_has_not(
    tmp_path: Path, call: Callable[[Any], Any], words: str
) -> None:
    job = Job(tmp_path)
    job.controls.setCallBeforeClose(call)
    with pytest.raises(rioserrors.WorkerExceptionError, match=words):
        job.run()


def test_the_advice_on_colours_holds(tmp_path: Path) -> None:
    job = Job(tmp_path)
    job.controls.setCallBeforeClose(lambda dataset: dataset.write_colormap(1, {3: (1, 2, 3, 255)}))
    job.run()
    with rasterio.open(job.path) as dataset:
        assert dataset.colormap(1)[3] == (1, 2, 3, 255)


def test_an_error_that_cannot_be_told(tmp_path: Path) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise ZeroDivisionError

    def before_close(dataset: Any) -> None:
        raise Mute

    job = Job(tmp_path)
    job.controls.setCallBeforeClose(before_close)
    with pytest.raises(rioserrors.WorkerExceptionError, match="__str__ raised Zero") as caught:
        job.run()
    assert isinstance(caught.value, Mute)


def test_docs_name_what_there_is() -> None:
    text = (Path(__file__).parents[2] / "docs" / "outputs.md").read_text()
    names = {name for kind in (Band, OpenOutput) for name in dir(kind) if name[0].isupper()}
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []


def test_a_function_that_raises(tmp_path: Path) -> None:
    job = Job(tmp_path)

    def before_close(dataset: Any) -> None:
        raise LookupError("nothing to say")

    job.controls.setCallBeforeClose(before_close)
    with pytest.raises(rioserrors.WorkerExceptionError) as caught:
        job.run()
    assert isinstance(caught.value.__cause__, LookupError)
    for word in ("setCallBeforeClose", "'before_close'", "'result'", "out.tif", "nothing to say"):
        assert word in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in.tif"]


@pytest.mark.parametrize("name", ["out.tif", "out.img", "out.bil", "cog.tif", "out.zarr"])
@pytest.mark.parametrize("method", ["NEAREST", "CUBIC"])
def test_everything_is_there_by_then(tmp_path: Path, name: str, method: str) -> None:
    pixels = np.random.default_rng(5).integers(1, 99, (1, 300, 400)).astype("uint8")
    job = Copy(tmp_path, pixels, name)
    if driver := {"cog.tif": "COG", "out.bil": "ENVI", "out.zarr": "Zarr"}.get(name):
        job.controls.setOutputDriverName(driver)
    job.controls.setOverviewMinDim(0)
    job.controls.setOverviewLevels([4])
    job.controls.setOverviewAggregationType(method)
    job.controls.setThematic(True)
    job.controls.setAutoColorTableType("gray")
    seen: dict[str, Any] = {}

    def before_close(dataset: Any) -> None:
        seen["levels"] = dataset.overviews(1)
        seen["small"] = dataset.read(1, out_shape=(75, 100))
        seen["pixels"] = dataset.read()
        seen["mean"] = dataset.tags(1)["STATISTICS_MEAN"]
        dataset.update_tags(1, LAST="word")

    job.controls.setCallBeforeClose(before_close)
    job.run()
    np.testing.assert_array_equal(seen["pixels"], pixels)
    assert float(seen["mean"]) == pytest.approx(pixels.mean())
    assert job.tags()["LAST"] == "word"
    assert job.tags()["STATISTICS_MEAN"] == seen["mean"]
    found = job.overviews()
    if name != "out.zarr":
        assert seen["levels"] == [4]
        np.testing.assert_array_equal(seen["small"], found[0][0])
    with rasterio.open(job.path) as dataset:
        np.testing.assert_array_equal(dataset.read(), pixels)


def test_an_older_output_survives_a_function_that_raises(tmp_path: Path) -> None:
    job = Copy(tmp_path, np.ones((1, 300, 400), "uint8"))
    job.run()
    before = job.path.read_bytes()

    def before_close(dataset: Any) -> None:
        dataset.update_tags(HALF="done")
        raise LookupError("nothing to say")

    job.controls.setCallBeforeClose(before_close)
    with pytest.raises(rioserrors.WorkerExceptionError, match="nothing to say"):
        job.run()
    assert job.path.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"out.tif", "grid-300-400.tif"}


@pytest.mark.parametrize("driver", ["GTiff", "HFA"])
def test_columns_of_the_attribute_table(tmp_path: Path, driver: str) -> None:
    seen: list[Any] = []

    def call(dataset: Any) -> None:
        band = dataset.GetRasterBand(2)
        rat.writeColumnToBand(band, "kind", ["a", "b"])
        rat.writeColumn(dataset, "half", [0.5], bandNumber=2)
        seen.extend([band.GetBand(), rat.readColumnFromBand(band, "half")[0]])

    job = Job(tmp_path)
    job.controls.setOutputDriverName(driver)
    job.controls.setCallBeforeClose(call)
    job.run()
    assert seen == [2, 0.5]
    assert rat.readColumn(job.path, "kind", 2)[:2].tolist() == [b"a", b"b"]
    assert rat.readColumn(job.path, "half", 2)[0] == 0.5
