"""Which grid a run works on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rasterio
from rasterio.transform import from_origin

from rios_flows import rioserrors
from rios_flows.basics.defaults import BOUNDS_FROM_REFERENCE, INTERSECTION, UNION
from rios_flows.controls.options import InputOptions, Options
from rios_flows.geometry.grid import PixelGrid
from rios_flows.geometry.pixelgriddefn import PixelGridDefn
from rios_flows.inputs.sources import RasterSource, open_source
from rios_flows.jobs.workinggrid import choose_grid
from tests.support.rasters import CRS, ORIGIN, coordinates, write_raster


def raster(folder: Path, name: str, offset: tuple[int, int], **more: Any) -> RasterSource:
    """Write 40 columns and 20 rows so many pixels right of and below the origin."""
    path = write_raster(
        folder / f"{name}.tif", coordinates(1, 20, 40, "uint8"), offset=offset, **more
    )
    return open_source((name, None), str(path), InputOptions())


def place(grid: PixelGrid) -> tuple[float, float, int, int]:
    """Return column and row from the origin in pixels of 30 m, and the size."""
    return (grid.xmin - ORIGIN[0]) / 30, (ORIGIN[1] - grid.ymax) / 30, grid.ncols, grid.nrows


@pytest.mark.parametrize(
    ("footprint", "expected"), [(INTERSECTION, (10, 5, 30, 15)), (UNION, (0, 0, 50, 25))]
)
def test_what_inputs_share_or_cover(
    tmp_path: Path, footprint: int, expected: tuple[float, float, int, int]
) -> None:
    sources = [raster(tmp_path, "a", (0, 0)), raster(tmp_path, "b", (10, 5))]
    assert place(choose_grid(sources, Options(footprint=footprint))) == expected


@pytest.mark.parametrize("image", ["b", "file"])
def test_the_grid_of_a_reference(tmp_path: Path, image: str) -> None:
    sources = [raster(tmp_path, "a", (0, 0)), raster(tmp_path, "b", (10, 5))]
    name = image if image == "b" else sources[1].path
    options = Options(footprint=BOUNDS_FROM_REFERENCE, reference_image=name)
    assert place(choose_grid(sources, options)) == (10, 5, 40, 20)
    # of a file that is no input, too
    assert place(choose_grid([], replace(options, reference_image=sources[1].path))) == (
        *(10, 5),
        *(40, 20),
    )


def test_a_reference_grid_wins(tmp_path: Path) -> None:
    grid = PixelGridDefn(
        geotransform=(ORIGIN[0], 60, 0, ORIGIN[1], 0, -60), nrows=7, ncols=9, projection=CRS
    )
    sources = [raster(tmp_path, "a", (0, 0)), raster(tmp_path, "b", (10, 5))]
    options = Options(
        footprint=BOUNDS_FROM_REFERENCE, reference_grid=grid, reference_image=sources[0].path
    )
    found = choose_grid(sources, options)
    assert (found.xres, found.ncols, found.nrows) == (60, 9, 7)


def test_grids_that_differ_need_a_reference(tmp_path: Path) -> None:
    sources = [raster(tmp_path, "a", (0, 0)), raster(tmp_path, "b", (0, 0), res=60)]
    with pytest.raises(
        rioserrors.ResampleNeededError, match=r"\(input 'b'\) differs from"
    ) as caught:
        choose_grid(sources, Options())
    assert "call setReferenceImage" in str(caught.value)
    assert place(choose_grid(sources, Options(reference_image="a"))) == (0, 0, 40, 20)


def test_what_gives_no_grid(tmp_path: Path) -> None:
    with pytest.raises(rioserrors.ParameterError, match="no raster input to take a grid from"):
        choose_grid([], Options())
    with pytest.raises(
        rioserrors.FileOpenError, match="setReferenceImage: 'c' is neither the name"
    ):
        choose_grid([], Options(reference_image="c"))
    apart = [raster(tmp_path, "a", (0, 0)), raster(tmp_path, "b", (100, 0))]
    with pytest.raises(rioserrors.IntersectionError):
        choose_grid(apart, Options(footprint=INTERSECTION))


@pytest.mark.parametrize("footprint", [INTERSECTION, BOUNDS_FROM_REFERENCE])
def test_longitudes_that_are_counted_otherwise_are_told(
    tmp_path: Path, footprint: int, caplog: pytest.LogCaptureFixture
) -> None:
    def globe(name: str, west: float, cols: int = 36, crs: str = "EPSG:4326") -> RasterSource:
        with rasterio.open(tmp_path / f"{name}.tif", "w", driver="GTiff", height=18, width=cols,
                           count=1, dtype="uint8", crs=crs,
                           transform=from_origin(west, 90, 10, 10)):  # fmt: skip
            pass
        return open_source((name, None), str(tmp_path / f"{name}.tif"), InputOptions())

    options = Options(footprint=footprint, reference_image="a")
    choose_grid([globe("a", -180), globe("b", 0)], options)
    (line,) = (record.getMessage() for record in caplog.records)
    assert "b.tif' (input 'b') has longitudes from 0 to 360" in line
    assert "what lies at 180 to 360 is not looked for at -180 to 0" in line
    caplog.clear()
    # nothing of these would lie elsewhere
    choose_grid([globe("a", -180), globe("b", 0, 18), globe("c", -180)], options)
    choose_grid([globe("a", -180, crs="EPSG:32755"), globe("b", 0, crs="EPSG:32755")], options)
    assert not caplog.records
