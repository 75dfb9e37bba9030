"""Everything gathered from an output's pixels while they are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from rios_flows.basics.types import BlockArray
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.reducers.nodata import NonfiniteCounter, Number
from rios_flows.reducers.overviews import Overviews
from rios_flows.reducers.statistics import BandStatistics, RasterStatistics
from rios_flows.reducers.tilestore import TileStore


class Reducer(Protocol):
    """Gathers something from the pixels of a raster, whose blocks pass in any order."""

    def add(self, block: ApplierBlockDefn, array: BlockArray) -> None:
        """Take in one block's pixels, shape ``(bands, rows, cols)``, without margin; each once."""

    def finish(self) -> Any:
        """Return what was gathered, or raise OSError where the file does not agree with it."""

    def close(self) -> None:
        """Let go of all that is held; may be called again."""


class SinglePass:
    """Gathers what is wanted of statistics, histogram and overviews; each block is given once.

    The order of the blocks changes no bit. Overviews that do not fit into memory go to the
    directory ``scratch``. The ``further`` reducers see the same pixels.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        dtype: np.dtype[Any],
        *,
        nodata: Number | None = None,
        thematic: bool = False,
        statistics: bool = True,
        histogram: bool = True,
        levels: Sequence[int] = (),
        method: str = "NEAREST",
        scratch: str | None = None,
        further: Sequence[Reducer] = (),
    ) -> None:
        self.statistics: RasterStatistics | None = None
        if statistics or histogram:
            self.statistics = RasterStatistics(
                dtype, shape[0], nodata=nodata, thematic=thematic, histogram=histogram
            )
        self.overviews: Overviews | None = None
        if levels:
            self.overviews = Overviews(
                shape, dtype, levels, TileStore(scratch), method=method, nodata=nodata
            )
        self._counter = self.statistics or NonfiniteCounter(dtype, nodata)
        gathering = [self._counter, self.overviews, *further]
        self._reducers: list[Reducer] = [reducer for reducer in gathering if reducer is not None]

    @property
    def makes_much(self) -> bool:
        """Whether more is made of each block than a count of NaN and infinite pixels."""
        return len(self._reducers) > 1 or self.statistics is not None

    @property
    def nonfinite(self) -> int:
        """Number of NaN and infinite pixels so far, where they are not nodata."""
        return self._counter.nonfinite

    def add(self, block: ApplierBlockDefn, array: BlockArray) -> None:
        """Add one block's pixels, shape ``(bands, rows, cols)``, without margin."""
        for reducer in self._reducers:
            reducer.add(block, array)

    def finish(self) -> list[BandStatistics | None]:
        """Return the statistics of each band; None for a band without a valid pixel."""
        return [] if self.statistics is None else self.statistics.finish()

    def close(self) -> None:
        """Let go of all that is held."""
        for reducer in self._reducers:
            reducer.close()
