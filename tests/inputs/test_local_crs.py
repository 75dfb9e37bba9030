"""Local (engineering) coordinate reference systems, of which formats keep more or less."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from rasterio.crs import CRS

from rios_flows import rioserrors
from rios_flows.controls.options import InputOptions
from rios_flows.geometry.grid import PixelGrid
from rios_flows.inputs.sources import open_source
from tests.support.burnt import Reader
from tests.support.inputs import Grid, controls_of, run, texture
from tests.support.vectors import write_vector

LOCAL = (
    'ENGCRS["Site",EDATUM["{}"],CS[Cartesian,2],AXIS["x",east,ORDER[1]],'
    'AXIS["y",north,ORDER[2]],LENGTHUNIT["metre",1]]'
)


@pytest.mark.parametrize("suffix", ["gpkg", "fgb", "shp"])
def test_a_local_crs_of_which_geotiff_keeps_less(tmp_path: Path, read: Reader, suffix: str) -> None:
    image = Grid(0, 10, 1, 10, 20, LOCAL.format("Peg 1")).raster(
        tmp_path / "site.tif", np.zeros((1, 10, 20), np.uint8)
    )
    grid = open_source(("image", None), str(image), InputOptions()).grid
    path = write_vector(
        tmp_path / f"a.{suffix}", [shapely.box(3, 2, 7, 9)], LOCAL.format("Peg 1"), n=[1]
    )
    assert (read(path, grid)[1:8, 3:7] == 1).all()
    assert read(path, grid).sum() == 28


def test_local_crs_that_differ_are_told_apart(tmp_path: Path, read: Reader) -> None:
    path = write_vector(tmp_path / "a.gpkg", [shapely.box(3, 2, 7, 9)], LOCAL.format("Peg 2"))
    grid = PixelGrid(0, 10, 1, 1, 20, 10, CRS.from_wkt(LOCAL.format("Peg 1")).to_wkt())
    with pytest.raises(rioserrors.GdalWarpError) as caught:
        read(path, grid)
    for part in (path, "input 'zones'", "differ in datum", "'Peg 1' and 'Peg 2'"):
        assert part in str(caught.value)


def test_rasters_in_one_local_crs_meet_and_others_are_refused(tmp_path: Path) -> None:
    grids = [Grid(0, 70, 1, 70, 60, LOCAL.format(peg)) for peg in ("Peg 1", "Peg 2")]
    pixels = texture(grids[0])
    # GeoTIFF keeps the name, and no datum
    own, same = (str(grid.raster(tmp_path / f"{n}.tif", pixels)) for n, grid in enumerate(grids))
    quarry = Grid(0, 70, 1, 70, 60, LOCAL.format("Peg 1").replace("Site", "Quarry"))
    other = str(quarry.raster(tmp_path / "other.tif", pixels))
    result, _ = run(tmp_path, controls_of(), image=own, same=same)
    assert (result == pixels).all()
    with pytest.raises(
        rioserrors.ResampleNeededError, match=r"differ in name \('Quarry' and 'Site'"
    ):
        run(tmp_path, controls_of(), image=own, other=other)
    controls = controls_of()
    controls.setReferenceImage("image")
    with pytest.raises(rioserrors.GdalWarpError, match=r"differ in name \('Quarry' and 'Site'"):
        run(tmp_path, controls, image=own, other=other)
