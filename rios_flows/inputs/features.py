"""Reading the features of a vector layer, and checking them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from rios_flows import rioserrors
from rios_flows.gdal.pyogrio import call_pyogrio
from rios_flows.geometry.grid import Bounds
from rios_flows.inputs.vectorcolumns import read_columns
from rios_flows.inputs.vectors import EXACT_BURN, TOO_LARGE, VectorSource

#: How many features are read at once from a file without a spatial index.
BATCH = 500_000

#: Coordinates from here on count as infinite: GEOS cannot compute with them.
FARTHEST = 1e30

#: GEOS's numbers of multipoints and collections.
POINTS_WITHIN = (4, 7)

REPAIR = 'repair it, or leave it out (setFilterSQL, for instance "FID <> 1")'


class Features(NamedTuple):
    """Features with 2-D geometry, none empty; what is burnt later has a larger ``order``."""

    geometry: NDArray[np.object_]
    values: NDArray[np.float64]
    order: NDArray[np.int64]
    # the layer's own numbers
    fids: NDArray[np.int64]


def read_features(source: VectorSource, bounds: Bounds | None = None) -> Features:
    """Read the features of a layer, or those near a rectangle in its CRS."""
    return _read(source, bbox=None if bounds is None else tuple(bounds))[0]


def batches(source: VectorSource) -> Iterator[Features]:
    """Read all features of a layer, ``BATCH`` at a time."""
    start = 0
    while True:
        features, count = _read(source, skip_features=start, max_features=BATCH)
        yield features
        if count < BATCH:
            return
        start += BATCH


def _read(source: VectorSource, **how: Any) -> tuple[Features, int]:
    attribute = source.options.burn_attribute
    meta, fids, wkb, columns = read_columns(
        source.what,
        source.opens,
        source.layer,
        source.columns,
        where=source.options.where,
        force_2d=True,
        return_fids=True,
        **how,
    )
    geometry = _decoded(source, fids, wkb)
    values = np.full(len(geometry), source.options.burn_value, np.float64)
    if attribute is not None:
        values = columns[list(meta["fields"]).index(attribute)].astype(np.float64)
    # no geometry, or a null attribute: there is nothing to burn
    kept = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry) | np.isnan(values))
    # GDAL hands over empty points as points at 0, 0
    at_zero = np.flatnonzero(kept)
    for coordinate in (shapely.get_x, shapely.get_y):
        at_zero = at_zero[coordinate(geometry[at_zero]) == 0]
    if len(at_zero):
        kept[at_zero] = ~np.isin(fids[at_zero], _empty_points(source))
    if attribute is not None:
        _check_range(
            values[kept], source.options.dtype, f"attribute '{attribute}' of {source.what}"
        )
    _check_places(source, fids[kept], geometry[kept])
    # an index returns features in an order of its own; their numbers tell the layer's
    order = fids if source.indexed else np.arange(len(fids))
    return Features(geometry[kept], values[kept], order[kept], fids[kept]), len(fids)


def _decoded(
    source: VectorSource, fids: NDArray[np.int64], wkb: NDArray[np.object_]
) -> NDArray[np.object_]:
    geometry: NDArray[np.object_]
    try:
        with np.errstate(all="ignore"):
            geometry = shapely.from_wkb(wkb)
    except shapely.errors.GEOSException as error:
        with np.errstate(all="ignore"):
            geometry = shapely.from_wkb(wkb, on_invalid="ignore")
        there = np.array([text is not None for text in wkb])
        broken = fids[shapely.is_missing(geometry) & there]
        raise rioserrors.VectorGeometryTypeError(
            f"Feature {broken[0]} of layer '{source.layer}' of {source.what} has a geometry "
            f"that cannot be burnt: {error}; {REPAIR}"
        ) from error
    return geometry


def _check_places(
    source: VectorSource, fids: NDArray[np.int64], geometry: NDArray[np.object_]
) -> None:
    """Refuse coordinates that are infinite or no numbers."""
    # bounds ignore what is no number; lengths do not, but points have none
    with np.errstate(all="ignore"):
        doubtful = ~(shapely.length(geometry) < FARTHEST)
        doubtful |= ~(np.abs(shapely.bounds(geometry)) < FARTHEST).all(axis=1)
    doubtful |= np.isin(shapely.get_type_id(geometry), POINTS_WITHIN)
    if not doubtful.any():
        return
    points, owner = shapely.get_coordinates(geometry[doubtful], return_index=True)
    (wrong,) = np.nonzero(~(np.abs(points) < FARTHEST).all(axis=1))
    if len(wrong):
        x, y = points[wrong[0]]
        raise rioserrors.VectorGeometryTypeError(
            f"Feature {fids[doubtful][owner[wrong[0]]]} of layer '{source.layer}' of {source.what} "
            f"has a vertex at {x:g}, {y:g}, which is no place; {REPAIR}"
        )


def _empty_points(source: VectorSource) -> NDArray[np.int64]:
    """Return the features that are empty points, which GDAL hands over as points at 0, 0."""
    name = source.layer.replace('"', '\\"')
    _, fids, _, _ = call_pyogrio(
        source.what,
        "raw.read",
        source.opens,
        sql=f"SELECT * FROM \"{name}\" WHERE OGR_GEOM_WKT LIKE 'POINT%EMPTY'",
        sql_dialect="OGRSQL",
        columns=[],
        return_fids=True,
    )
    return np.asarray(fids, dtype=np.int64)


def _check_range(values: NDArray[np.float64], dtype: str, what: str) -> None:
    if not len(values):
        return
    kind = np.dtype(dtype)
    whole = kind.kind in "iu"
    limits = np.iinfo(kind) if whole else np.finfo(kind)
    wrong = (values < limits.min) | (values > limits.max)
    wrong = wrong | (values != np.floor(values)) if whole else wrong & np.isfinite(values)
    if wrong.any():
        raise rioserrors.VectorAttributeError(
            f"{what} has the value {values[wrong][0]:g}, which is no {dtype}; choose another type "
            "with setVectorDatatype"
        )
    large = np.abs(values) >= EXACT_BURN
    if whole and large.any():
        raise rioserrors.VectorAttributeError(
            f"{what} has the value {values[large][0]:.0f}, which is too large: {TOO_LARGE}"
        )
