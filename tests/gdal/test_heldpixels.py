"""Rasters that are a text, and whose pixels GDAL asks us for."""

from __future__ import annotations

import gc
import pickle
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.errors import RasterioIOError
from rasterio.windows import Window

from rios_flows.gdal.heldpixels import MODULE, HeldFacts, HeldPixels, Part, taken_error
from rios_flows.gdal.settings import inherited, run_options

FACTS = HeldFacts(
    title="a chessboard",
    nrows=30,
    ncols=40,
    transform=(100, 2, 0, 200, 0, -2),
    crs="EPSG:32755",
    dtypes=("uint8", "int64"),
    nodata=(None, -(2**62) - 1),
    names=("black & white", None),
    masks=(True, False),
)


class Board(HeldPixels):
    lazy = True
    reads = 0

    def read(self, bands: tuple[int, ...], part: Part) -> Any:
        self.reads += 1
        rows, cols = np.ogrid[part.rows, part.cols]
        return np.stack([(rows + cols) % 2 + band for band in bands]).astype("uint8")

    def read_mask(self, band: int, part: Part) -> Any:
        rows, cols = np.ogrid[part.rows, part.cols]
        return (rows > 3) & (cols > 5)


def test_gdal_finds_what_a_file_would_tell() -> None:
    board = Board(FACTS)
    with inherited(run_options()), rasterio.open(board.text((1, 2))) as dataset:
        assert dataset.descriptions == ("black & white", None)
        assert dataset.dtypes == FACTS.dtypes
        assert tuple(dataset.transform.to_gdal()) == FACTS.transform
        assert dataset.crs.to_epsg() == 32755
        rows, cols = np.ogrid[3:23, 5:35]
        window = Window(5, 3, 30, 20)
        np.testing.assert_array_equal(dataset.read(1, window=window), (rows + cols) % 2 + 1)
        np.testing.assert_array_equal(dataset.read(2, window=window), (rows + cols) % 2 + 2)
        found = dataset.read_masks(1, window=window)
        np.testing.assert_array_equal(found != 0, (rows > 3) & (cols > 5))
    # both bands at once
    assert board.reads == 1


def test_it_is_known_in_another_process_and_forgotten_when_it_is_gone() -> None:
    packed, text = pickle.dumps(board := Board(FACTS)), board.text()
    with inherited(run_options()):
        del board
        gc.collect()
        with rasterio.open(text) as dataset, pytest.raises(RasterioIOError):
            dataset.read(1)
        assert isinstance(taken_error(), KeyError)
        assert taken_error() is None
        back = pickle.loads(packed)
        with rasterio.open(text) as dataset:
            assert dataset.read(1)[0, 1] == 2
    assert str(back) == "a chessboard"


def test_modules_that_the_user_trusts_stay_so() -> None:
    with rasterio.Env(GDAL_VRT_PYTHON_TRUSTED_MODULES="mine,other"):
        assert run_options()["GDAL_VRT_PYTHON_TRUSTED_MODULES"] == f"mine,other,{MODULE}"
