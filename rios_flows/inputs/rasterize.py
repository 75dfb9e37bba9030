"""Vector inputs as pixels of the working grid.

Usually each window is burnt when it is read. If that might give other pixels than burning the whole
grid (``setAlltouched``), or would cost more, a layer is burnt once into a temporary raster, which
all lanes of the process read.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import rasterio
import shapely

from rios_flows.basics.tempfiles import TempfileManager
from rios_flows.basics.types import BlockArray
from rios_flows.geometry.grid import PixelGrid
from rios_flows.inputs import wholeburn
from rios_flows.inputs.burning import NOTHING, Shapes, burn
from rios_flows.inputs.carrying import place, warn_of_lost, window_bounds
from rios_flows.inputs.features import read_features
from rios_flows.inputs.rasterizationmgr import Once, RasterizationMgr
from rios_flows.inputs.vectorplan import VectorPlan

#: Opens a raster for a ``with`` statement, after which it may stay open.
Opened = Callable[[str], AbstractContextManager[Any]]

#: Layers with up to this many features are read once and kept.
KEPT_FEATURES = 200_000

#: Time to burn a feature, and a vertex of it (s): enough to tell which way costs less.
FEATURE_SECONDS, VERTEX_SECONDS = 17e-6, 0.3e-6


class VectorReader:
    """Reads vector inputs as pixels; one for all lanes of a process, thread-safe."""

    def __init__(self, tempfiles: TempfileManager) -> None:
        self._tempfiles = tempfiles
        self._manager = RasterizationMgr()
        self._kept: Once[Shapes | None] = Once()
        self._told: set[Hashable] = set()

    def read(
        self,
        plan: VectorPlan,
        left: int,
        top: int,
        cols: int,
        rows: int,
        opened: Opened = rasterio.open,
    ) -> BlockArray:
        """Burn a window of the working grid, or beyond it: shape (1, rows, cols)."""
        options = plan.source.options
        out = np.full((1, rows, cols), options.null, options.dtype)
        shapes = None if options.all_touched else self._shapes(plan, (left, top, cols, rows))
        if shapes is not None:
            burn(shapes, out[0], (left, top), False)
            return out
        path = self._manager.rasterize(plan.source.path, plan, self._tempfiles)
        with opened(path) as dataset:
            wholeburn.copy_window(dataset, out[0], left + plan.margin, top + plan.margin)
        return out

    def _shapes(self, plan: VectorPlan, window: tuple[int, int, int, int]) -> Shapes | None:
        """Return what to burn in a window; None if the layer must be burnt whole."""
        if 0 <= plan.source.features <= KEPT_FEATURES:
            return self._kept.get(plan.cache_key, lambda: _to_keep(plan))
        if not plan.source.indexed:
            return None
        places = window_bounds(plan.placing, plan.grid, window)
        parts = [(shift, read_features(plan.source, bounds)) for shift, bounds in places]
        if not parts:
            return NOTHING
        shapes = place(parts, plan.placing, plan.grid)
        if shapes.lost and plan.cache_key not in self._told:
            self._told.add(plan.cache_key)
            warn_of_lost(plan.source, plan.grid, shapes.lost)
        return shapes


def _to_keep(plan: VectorPlan) -> Shapes | None:
    """Return the shapes of a layer; None if burning it whole costs less."""
    shapes = _load(plan)
    return None if _is_cheaper_whole(shapes, plan.grid, plan.window) else shapes.indexed()


def _load(plan: VectorPlan) -> Shapes:
    features = read_features(plan.source)
    parts = [(shift, features) for shift in plan.placing.shifts]
    shapes = place(parts, plan.placing, plan.grid)
    warn_of_lost(plan.source, plan.grid, shapes.lost)
    return shapes


def _is_cheaper_whole(shapes: Shapes, grid: PixelGrid, window: tuple[int, int]) -> bool:
    """Return whether burning features again for every window they reach costs more."""
    once = FEATURE_SECONDS + VERTEX_SECONDS * shapely.get_num_coordinates(shapes.geometry)
    low, high = (0, -grid.nrows), (grid.ncols, 0)
    size = np.clip(shapes.bounds[:, 2:], low, high) - np.clip(shapes.bounds[:, :2], low, high)
    # finding them in the index takes next to no time; NaN comes from a missing coordinate
    times = np.prod(size / window + 1, axis=1)
    return float(np.nansum(once * times)) > 4 * float(once.sum()) + 2
