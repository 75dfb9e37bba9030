"""Statistics and pyramids of raster files that exist already."""

from rios_flows.basics import bars as cuiprogress
from rios_flows.controls.const import (
    DEFAULT_MINOVERVIEWDIM,
    DEFAULT_OVERVIEWAGGREGRATIONTYPE,
    DEFAULT_OVERVIEWLEVELS,
    dfltDriverOptions,
)
from rios_flows.files.columns import findOrCreateColumn
from rios_flows.files.statistics import (
    addBasicStatsGDAL,
    addHistogramsGDAL,
    addPyramid,
    addStatistics,
    calcStats,
    setNullValue,
)
from rios_flows.gdal.pixeltypes import (
    gdalFloatTypes,
    gdalLargeIntTypes,
    numpySignedIntTypes,
    numpyUnsignedIntTypes,
)
from rios_flows.reports.results import SinglePassManager
from rios_flows.rioserrors import ProcessCancelledError, SinglePassActionsError

__all__ = [
    "DEFAULT_MINOVERVIEWDIM",
    "DEFAULT_OVERVIEWAGGREGRATIONTYPE",
    "DEFAULT_OVERVIEWLEVELS",
    "ProcessCancelledError",
    "SinglePassActionsError",
    "SinglePassManager",
    "addBasicStatsGDAL",
    "addHistogramsGDAL",
    "addPyramid",
    "addStatistics",
    "calcStats",
    "cuiprogress",
    "dfltDriverOptions",
    "findOrCreateColumn",
    "gdalFloatTypes",
    "gdalLargeIntTypes",
    "numpySignedIntTypes",
    "numpyUnsignedIntTypes",
    "setNullValue",
]
