"""The automatic colour table: which outputs get one, and why others do not."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows.outputs.colors import add_colors, colored_bands, may_wait
from rios_flows.reducers.statistics import BandStatistics
from tests.support.rasters import coordinates, write_raster
from tests.support.targets import target

CLASSES: dict[str, Any] = {"thematic": True, "color_table": "gray"}


def up_to(maximum: int) -> BandStatistics:
    return BandStatistics(10, 10, 0, maximum, 1.0, 1.0, None)


def color(folder: Path, bands: list[BandStatistics | None], dtype: str, **options: Any) -> Any:
    """Add colours to a file; return the colour table of its first band, if it has one."""
    path = write_raster(folder / "a.tif", coordinates(max(len(bands), 1), 8, 8, dtype))
    with rasterio.open(path, "r+") as dataset:
        add_colors(dataset, target(path, **options), bands)
    with rasterio.open(path) as dataset:
        try:
            return dataset.colormap(1)
        except ValueError:
            return None


def test_classes_get_one_colour_each(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = color(tmp_path, [up_to(5)], "uint8", **CLASSES)
    assert [table[value] for value in range(6)] == [
        (0, 0, 0, 255),
        (51, 51, 51, 255),
        (102, 102, 102, 255),
        (153, 153, 153, 255),
        (204, 204, 204, 255),
        (255, 255, 255, 255),
    ]
    assert not caplog.messages


@pytest.mark.parametrize(
    "options", [{}, {"thematic": True}, {"color_table": "gray"}], ids=["none", "one", "other"]
)
def test_what_was_not_asked_for(
    tmp_path: Path, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert color(tmp_path, [up_to(5)], "uint8", **options) is None
    assert not caplog.messages


@pytest.mark.parametrize(
    ("bands", "dtype", "why"),
    [
        ([], "uint8", "it needs statistics"),
        ([up_to(5)], "float32", "only whole numbers have one, and not float32"),
        ([up_to(-3)], "int16", "values go up to -3"),
        ([up_to(10**6)], "uint32", "values go up to 1000000, and colours from 0 to 65535"),
    ],
)
def test_why_there_is_none(
    tmp_path: Path,
    bands: list[BandStatistics | None],
    dtype: str,
    why: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        assert color(tmp_path, bands, dtype, **CLASSES) is None
    [told] = caplog.messages
    assert told.startswith("No colour table for '")
    assert why in told


def test_bands_that_get_one() -> None:
    bands = [up_to(5), None, up_to(10**6), up_to(0)]
    assert colored_bands(target(**CLASSES), np.dtype("uint8"), bands) == [1, 4]
    assert colored_bands(target(**CLASSES), np.dtype("float32"), bands) == []
    assert colored_bands(target(), np.dtype("uint8"), bands) == []


def test_colours_wait_for_overviews_where_the_format_lets_them(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", coordinates(1, 8, 8, "uint8"))
    with rasterio.open(path) as dataset:
        assert may_wait(target(**CLASSES), dataset)
        assert not may_wait(target(), dataset)
        assert not may_wait(target("a.rsw", driver="RMF", **CLASSES), dataset)
