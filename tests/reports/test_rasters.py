"""What a result shows of its outputs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rios_flows as rf
from rios_flows import applier, engine, rioserrors
from rios_flows.reports.notebooks import MOST_PICTURES, html_of
from rios_flows.reports.rasters import BandSummary, Outputs, PublishedOutput
from rios_flows.structures import ApplierReturn
from tests.support.rasters import coordinates, write_raster

PIXELS = coordinates(2, 30, 40, "int16")


@pytest.fixture
def result(tmp_path: Path) -> ApplierReturn:
    write_raster(tmp_path / "image.tif", PIXELS)
    return rf.apply(lambda image: image, tmp_path / "image.tif", tmp_path / "same.tif")


def test_statistics_are_those_of_numpy(result: ApplierReturn) -> None:
    for band, pixels in zip(result.outputs["same"].statistics, PIXELS, strict=True):
        assert (band.min, band.max) == (pixels.min(), pixels.max())
        assert band.mean == pytest.approx(pixels.mean(), rel=1e-12)
        assert band.std == pytest.approx(pixels.std(), rel=1e-12)
        assert band.histogram is not None
        assert band.histogram.counts.sum() == pixels.size
        assert band.histogram.values[0] == pixels.min()
        assert f"mean={band.mean:.6g}, std=" in repr(band)


def test_an_output_opens_wherever_the_process_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_raster(tmp_path / "image.tif", PIXELS)
    monkeypatch.chdir(tmp_path)
    infiles, outfiles = applier.FilenameAssociations(), applier.FilenameAssociations()
    infiles.image, outfiles.parts = "image.tif", ["a.tif", "b.tif"]

    def user(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.parts = [inputs.image[:1], inputs.image[1:]]

    outputs = engine.apply(user, infiles, outfiles).outputs
    os.chdir("/")
    assert list(outputs) == ["parts[0]", "parts[1]"]
    assert "parts[1]" in outputs
    assert outputs["parts[1]"].path == str(tmp_path / "b.tif")
    assert outputs["parts[1]"].facts.dtype == "int16"
    with outputs["parts[1]"].open() as dataset:
        np.testing.assert_array_equal(dataset.read(), PIXELS[1:])
    with pytest.raises(KeyError, match="the outputs are 'parts\\[0\\]', 'parts\\[1\\]'"):
        outputs["parts"]


def test_what_was_left_out_is_none(tmp_path: Path) -> None:
    image = write_raster(tmp_path / "image.tif", PIXELS)
    asked = {"omit_statistics": True, "omit_histogram": True}
    result = rf.apply(lambda image: image, image, tmp_path / "same.tif", **asked)  # type: ignore[arg-type]
    assert result.outputs["same"].statistics == [BandSummary(*[None] * 5)] * 2
    assert "min=None" in repr(result.outputs["same"].statistics)


def test_pictures(result: ApplierReturn, tmp_path: Path) -> None:
    output = result.outputs["same"]
    picture = output.quicklook(band=2)
    assert picture.save(tmp_path / "look.png").read_bytes().startswith(b"\x89PNG")
    assert output._repr_png_().startswith(b"\x89PNG")
    assert "bytes of PNG" in repr(picture)
    with pytest.raises(rioserrors.GDALLayerNumberError):
        output.quicklook(band=3)
    for size in (0, -4, 2.5):
        with pytest.raises(rioserrors.ParameterError, match=r"size=.* it must be pixels, from 1"):
            output.quicklook(size=size)  # type: ignore[arg-type]


def test_complex_pixels_have_no_colours(tmp_path: Path) -> None:
    image = write_raster(tmp_path / "image.tif", PIXELS)
    result = rf.apply(lambda image: image + 1j, image, tmp_path / "wave.tif")
    with pytest.raises(rioserrors.ParameterError, match="band 1 is complex, and has no order"):
        result.outputs["wave"].quicklook()
    assert "band 1 is complex" in result._repr_html_()


def test_a_notebook_sees_it_all(result: ApplierReturn) -> None:
    shown = result._repr_html_()
    assert shown.count("<img") == 2
    assert f"<td>{PIXELS[1].mean():.6g}</td>" in shown
    assert "Wall clock elapsed time" in shown
    assert "ApplierReturn(blocks=1" in shown


def test_what_cannot_be_drawn_is_told() -> None:
    result = ApplierReturn()
    result.outputs = Outputs(
        PublishedOutput(f"o{n}", "gone.tif", "GTiff", 1, "int16", 1, None, ())
        for n in range(MOST_PICTURES + 2)
    )
    shown = html_of(result)
    assert shown.count("gone.tif") > MOST_PICTURES
    assert "further outputs: o4, o5" in shown


def test_as_xarray(result: ApplierReturn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rioxarray", None)
    with pytest.raises(rioserrors.UnavailableError, match="pip install rioxarray"):
        result.outputs["same"].to_xarray()
    monkeypatch.undo()
    output = result.outputs["same"]
    array, lazy = output.to_xarray(), output.to_xarray(chunks={"x": 5})
    with output.open() as dataset:
        pixels = dataset.read(masked=True).astype("float32").filled(np.nan)
        assert array.rio.transform() == dataset.transform
        assert array.rio.crs == dataset.crs
    np.testing.assert_array_equal(array, pixels)
    np.testing.assert_array_equal(lazy, pixels)
    assert lazy.chunks[-1][0] == 5


def test_others_say_something(result: ApplierReturn) -> None:
    assert str(result.timings) == result.timings.formatReport()
    assert "walltime" in repr(result.timings)
    assert repr(applier.Timers()) == str(applier.Timers()) == "Timers(no interval)"
    others = applier.OtherInputs()
    others.count, others.table = 3, np.zeros((2, 5))
    assert repr(others) == "OtherInputs(count=3, table=<ndarray (2, 5) float64>)"
    assert repr(result.outputs).startswith("Outputs({'same': '")
