"""Rasters of whole vector layers, each burnt once.

RIOS's modules hand this on, so shapely and the like are imported only when something is burnt.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, TypeVar

from rios_flows.basics.tempfiles import TempfileManager

if TYPE_CHECKING:
    from rios_flows.inputs.vectorplan import VectorPlan

_T = TypeVar("_T")


class Once(Generic[_T]):
    """Makes things that several threads want: the first to ask makes it, the others wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[Hashable, Future[_T]] = {}

    def get(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """Return what a key stands for; make it if nobody has."""
        with self._lock:
            made = self._made.get(key)
            mine = made is None
            if made is None:
                made = self._made[key] = Future()
        if mine:
            try:
                made.set_result(make())
            except BaseException as error:
                # all who wait get the error; the next to ask tries again
                with self._lock:
                    del self._made[key]
                made.set_exception(error)
        return made.result()


class RasterizationMgr:
    """Burns whole layers into temporary rasters, each once; shared by the lanes of a process."""

    def __init__(self) -> None:
        self._made: Once[str] = Once()

    def rasterize(
        self, vectorfile: str, rasterizeOptions: VectorPlan, tmpfileMgr: TempfileManager
    ) -> str:
        """Return the name of the raster of a vector file, burnt now if it is not there.

        Thread-safe: who asks for the same file with the same options while it is being burnt waits
        for it. Other options give another raster.

        Parameters
        ----------
        vectorfile : str
            The file; it need not be that of the options, and is then looked at anew.
        rasterizeOptions : VectorPlan
            Layer, options and grid.
        tmpfileMgr : TempfileManager
            Makes the file, and removes it.

        Returns
        -------
        str
            Name of the raster.

        Raises
        ------
        VectorRasterizationError
            If the raster cannot be written.
        """
        from rios_flows.inputs.vectorplan import plan_vector
        from rios_flows.inputs.vectors import open_vector
        from rios_flows.inputs.wholeburn import burn_whole

        plan = rasterizeOptions
        if vectorfile != plan.source.path:
            source = open_vector(plan.source.key, vectorfile, plan.source.options)
            plan = replace(plan_vector(source, plan.grid, plan.window, 0), margin=plan.margin)
        return self._made.get(
            plan.cache_key,
            lambda: burn_whole(plan.source, plan.grid, plan.placing, plan.margin, tmpfileMgr),
        )
