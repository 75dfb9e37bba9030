"""Statistics of a raster by the polygons of a layer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from rios_flows.controls.options import InputOptions, VectorOptions
from rios_flows.front.applying import apply
from rios_flows.front.choosing import check_flags
from rios_flows.front.errors import plainly, reworded
from rios_flows.front.items import assets_of_items
from rios_flows.gdal.heldpixels import HeldPixels
from rios_flows.geometry.grid import Bounds, PixelGrid
from rios_flows.inputs.burning import Shapes, burn, is_covered_twice
from rios_flows.inputs.carrying import place, warn_of_lost
from rios_flows.inputs.features import read_features
from rios_flows.inputs.held import entry_of, is_held
from rios_flows.inputs.sources import open_source
from rios_flows.inputs.vectorcolumns import needed_columns, read_columns
from rios_flows.inputs.vectorplan import plan_vector
from rios_flows.inputs.vectors import VectorSource, open_vector
from rios_flows.reducers.zones import Part, check_names, needs_values, part_of, statistics_of
from rios_flows.rioserrors import (
    ParameterError,
    RiosError,
    UnavailableError,
    VectorAttributeError,
)

if TYPE_CHECKING:
    import pandas as pd

    from rios_flows.controls.concurrency import ConcurrencyStyle

#: Called so, zones are single features, by their numbers in the layer.
FID = "fid"


def zonal(
    raster: Any,
    polygons: str | os.PathLike[str],
    *,
    by: str = FID,
    stats: str | Sequence[str] = ("count", "mean", "min", "max", "std"),
    band: int | str | None = None,
    layer: int | str = 0,
    where: str | None = None,
    all_touched: bool = False,
    scaled: bool | None = None,
    window: int | tuple[int, int] | None = None,
    workers: int | Literal["auto"] | ConcurrencyStyle = "auto",
) -> pd.DataFrame:
    """Return statistics of a raster's pixels in the polygons of a layer, a row for each zone.

    A pixel belongs to a polygon if its centre lies within, as with ``rasterio.features``. Where
    polygons of several zones lie over each other, it counts for each of these zones, and once for
    each. Masked pixels, those of the nodata value and NaN count as ``nodata``.

    >>> rf.zonal("index.tif", "fields.gpkg", by="crop", stats=["mean", "median"])  # doctest: +SKIP

    Parameters
    ----------
    raster : path, rios_flows.Raster, DataArray, dataset or item
        What :func:`rios_flows.apply` takes as one input.
    polygons : path
        A vector layer in any CRS; lines and points count the pixels that they would burn.
    by : str
        A column of the layer, of text or numbers: features of one value are one zone. "fid", unless
        a column has that name: each feature is a zone, called by its number.
    stats : str or sequence of str
        Of ``count``, ``nodata`` (pixels), ``sum``, ``mean``, ``std``, ``min``, ``max``, ``range``;
        with memory for all distinct values ``median``, ``majority``, ``minority``, ``unique`` and
        ``percentile_N``.
    band : int or str, optional
        Number from 1 or description of a band; needed if there are several.
    layer : int or str
        Number or name of the layer.
    where : str, optional
        SQL's WHERE clause that chooses features.
    all_touched : bool
        Whether a pixel belongs to every polygon that touches it, and not only by its centre.
    scaled : bool, optional
        Whether scale and offset of the band are applied, as in :func:`rios_flows.apply`.
    window : int or tuple of int, optional
        Side of a block, or width and height (pixels).
    workers : int, "auto" or ConcurrencyStyle
        As in :func:`rios_flows.apply`. The result is the same to the last bit.

    Returns
    -------
    pandas.DataFrame
        A row for each zone, in the order of feature numbers or of first appearance, also for zones
        without a pixel: their ``count`` is 0, and what is unknown NaN or NA.

    Raises
    ------
    ParameterError
        For a statistic that does not exist, or a raster of several bands without ``band``.
    VectorAttributeError
        If the layer has no such column.
    UnavailableError
        If pandas is not installed.
    """
    names = check_names(stats)
    check_flags(all_touched=all_touched)
    layer_file = _checked_files(raster, polygons)
    pandas = _pandas()
    raster, chosen = assets_of_items(raster, {} if band is None else {"bands": band})
    with plainly():
        try:
            grid = _grid_of(raster, chosen.get("bands"))
            options = VectorOptions(layer=layer, where=where)
            source = open_vector(("polygons", None), layer_file, options)
            zones, numbers = _zones(source, by, pandas)
            shapes = _shapes(source, grid, numbers)
        except RiosError as error:
            raise reworded(error) from error.__cause__
    extent = _extent(shapes, grid)
    parts: list[Part] = []
    if extent is not None:
        reducing = _Reducing(shapes.indexed(), grid, needs_values(names), all_touched)
        result = apply(
            reducing,
            {"raster": raster},
            dtype=None,
            scaled=scaled,
            window=window,
            workers=workers,
            state=[],
            bounds=extent,
            **chosen,
        )
        parts = result.state
    found = statistics_of(parts, len(zones), names)
    return pandas.DataFrame({name: _column(column) for name, column in found.items()}, index=zones)


def _checked_files(raster: Any, polygons: Any) -> str:
    """Refuse what is no raster or no file of polygons; return the name of the latter."""
    if not isinstance(raster, str | os.PathLike) and not is_held(raster):
        raise ParameterError(
            f"zonal: raster is a {type(raster).__name__}; give one file, a rios_flows.Raster, a "
            "DataArray, a dataset of rasterio, or an item or asset of pystac"
        )
    try:
        return os.fsdecode(polygons)
    except TypeError:
        advice = "; write it to one with its to_file" if hasattr(polygons, "to_file") else ""
        raise ParameterError(
            f"zonal: polygons is a {type(polygons).__name__}; give the file of a vector "
            f"layer{advice}"
        ) from None


@dataclass(frozen=True)
class _Reducing:
    """Called for each block; it pickles."""

    shapes: Shapes
    grid: PixelGrid
    with_values: bool
    all_touched: bool = False

    def __call__(self, raster: Any, info: Any, state: list[Part]) -> None:
        """Add what a block knows of its zones."""
        corner = info.blocktl
        left = round((corner.x - self.grid.xmin) / self.grid.xres)
        top = round((self.grid.ymax - corner.y) / self.grid.yres)
        rows, cols = raster.shape
        near = self.shapes.near(Bounds(left - 1, -top - rows - 1, left + cols + 1, -top + 1))
        if not len(near.values):
            return
        zones, (row, col) = _pixels_of(near, (rows, cols), (left, top), self.all_touched)
        pixels, masked = np.ma.getdata(raster)[row, col], np.ma.getmaskarray(raster)[row, col]
        valid = ~masked if pixels.dtype.kind != "f" else ~(masked | np.isnan(pixels))
        state.append(part_of((top, left), zones, pixels, valid, self.with_values))


def _pixels_of(
    near: Shapes, shape: tuple[int, int], corner: tuple[int, int], all_touched: bool
) -> tuple[NDArray[np.int64], tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return zones, and rows and columns of their pixels; a pixel may lie in several zones."""
    # neighbours touch the same pixels
    if not all_touched and not is_covered_twice(near, shape, corner):
        # 0 is outside
        labels = np.zeros(shape, np.int32)
        burn(near._replace(values=near.values + 1), labels, corner, False)
        rows, cols = np.nonzero(labels)
        return labels[rows, cols].astype(np.int64) - 1, (rows, cols)
    found = [
        _pixels_of_zone(near, zone, shape, corner, all_touched) for zone in np.unique(near.values)
    ]
    zones, rows, cols = (np.concatenate(each) for each in zip(*found, strict=True))
    return zones, (rows, cols)


def _pixels_of_zone(
    near: Shapes, zone: float, shape: tuple[int, int], corner: tuple[int, int], all_touched: bool
) -> tuple[NDArray[np.int64], NDArray[np.intp], NDArray[np.intp]]:
    mine = near.values == zone
    inside = np.zeros(shape, np.uint8)
    geometry, bounds = near.geometry[mine], near.bounds[mine]
    burn(Shapes(geometry, bounds, np.ones(len(geometry))), inside, corner, all_touched)
    rows, cols = np.nonzero(inside)
    return np.full(len(rows), int(zone)), rows, cols


def _grid_of(raster: Any, bands: Any) -> PixelGrid:
    """Return the grid of a raster, which must have one band."""
    entry = entry_of(raster)
    held = entry if isinstance(entry, HeldPixels) else None
    path = os.fspath(entry) if held is None else held.facts.title
    source = open_source(("raster", None), path, InputOptions(), held)
    if bands is None and len(source.bands) > 1:
        raise ParameterError(
            f"{source.what} has {len(source.bands)} bands; choose one by its number or "
            "description, such as band=1"
        )
    if source.dtype.startswith("complex"):
        raise ParameterError(
            f"{source.what} is {source.dtype}, whose values have no order; make a raster of its "
            "real part or magnitude"
        )
    return source.grid


def _zones(source: VectorSource, by: str, pandas: Any) -> tuple[Any, dict[int, int]]:
    """Return the zones as an index of pandas, and the zone of each feature by its number."""
    from rios_flows.gdal.pyogrio import call_pyogrio

    info = call_pyogrio(source.what, "read_info", source.opens, layer=source.layer)
    fields = list(info["fields"])
    if by not in (*fields, FID):
        raise VectorAttributeError(
            f"by: layer '{source.layer}' of {source.what} has no column '{by}'; it has "
            f"{', '.join(map(repr, fields)) or 'none'}, and '{FID}' stands for each feature"
        )
    column = by if by in fields else None
    meta, fids, _, columns = read_columns(
        source.what,
        source.opens,
        source.layer,
        needed_columns(fields, column, source.options.where),
        where=source.options.where,
        read_geometry=False,
        return_fids=True,
    )
    order = np.argsort(fids, kind="stable")
    fids = fids[order]
    if column is None:
        numbers, zones = np.arange(len(fids)), pandas.Index(fids, name=FID)
    else:
        values = columns[list(meta["fields"]).index(column)][order]
        numbers, found = pandas.factorize(values, use_na_sentinel=False)
        zones = pandas.Index(found, name=column)
    return zones, dict(zip(fids.tolist(), numbers.tolist(), strict=True))


def _shapes(source: VectorSource, grid: PixelGrid, numbers: dict[int, int]) -> Shapes:
    """Return the polygons on the raster's grid, with the numbers of their zones as values."""
    plan = plan_vector(source, grid, (1, 1), 0)
    features = read_features(source)
    zones = np.array([numbers[fid] for fid in features.fids.tolist()], np.float64)
    features = features._replace(values=zones)
    shapes = place([(shift, features) for shift in plan.placing.shifts], plan.placing, grid)
    warn_of_lost(source, grid, shapes.lost)
    return shapes


def _extent(shapes: Shapes, grid: PixelGrid) -> tuple[float, float, float, float] | None:
    """Return the part of the grid to read (CRS units); None if there is nothing."""
    if not len(shapes.bounds):
        return None
    low, high = (
        np.floor(shapes.bounds[:, :2]).min(axis=0),
        np.ceil(shapes.bounds[:, 2:]).max(axis=0),
    )
    left, right = np.clip((low[0] - 1, high[0] + 1), 0, grid.ncols)
    bottom, top = np.clip((low[1] - 1, high[1] + 1), -grid.nrows, 0)
    if left >= right or bottom >= top:
        return None
    # half a pixel within, where rounding cannot take another one
    return (
        grid.xmin + (left + 0.5) * grid.xres,
        grid.ymax + (bottom + 0.5) * grid.yres,
        grid.xmin + (right - 0.5) * grid.xres,
        grid.ymax + (top - 0.5) * grid.yres,
    )


def _column(values: np.ma.MaskedArray[Any, Any]) -> Any:
    """Return a column: floats with NaN, or whole numbers, with NA where no float holds them."""
    if not np.ma.is_masked(values):
        return values.data
    if values.dtype.kind in "iu" and values.dtype.itemsize == 8:
        pandas = _pandas()
        return pandas.arrays.IntegerArray(values.data.copy(), values.mask)
    return np.ma.filled(values.astype(np.float64), np.nan)


def _pandas() -> Any:
    try:
        import pandas
    except ImportError as error:
        raise UnavailableError(
            "zonal needs pandas for its table: pip install 'rios_flows[zonal]'"
        ) from error
    return pandas
