"""Whether an output's file can hold the pixels that it is given: their type, and their values."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import rasterio.dtypes

from rios_flows import rioserrors
from rios_flows.formats import MISSING_DTYPES
from rios_flows.lossiness import Limits
from rios_flows.reducers.nodata import can_hold
from rios_flows.targets import Target
from rios_flows.types import BlockArray

logger = logging.getLogger(__name__)


def check_type(target: Target, dtype: np.dtype[Any], place: str) -> None:
    """Refuse a type of pixels that the driver, its options or the nodata value does not go with.

    Parameters
    ----------
    target : Target
        The output.
    dtype : dtype
        Type of its first block.
    place : str
        How messages call that block.

    Raises
    ------
    TypeConversionError
        If the file cannot hold the type.
    ParameterError
        If no pixel of the file can have the nodata value.
    """
    driver, name = target.format.driver, dtype.name
    if name not in rasterio.dtypes.dtype_rev or name in MISSING_DTYPES.get(driver, ()):
        raise rioserrors.TypeConversionError(
            f"Output '{target.label}' ('{target.path}') at {place}: {driver} cannot hold {name}; "
            "convert it in the user function, for instance with astype"
        )
    _check_nodata(target, name)


def check_values(target: Target, limits: Limits, pixels: BlockArray, place: str) -> None:
    """Refuse a block with a value that the file would make another of.

    Raises
    ------
    TypeConversionError
        If there is one.
    """
    value = limits.beyond(pixels)
    if value is not None:
        raise rioserrors.TypeConversionError(
            f"Output '{target.label}' ('{target.path}') at {place} has a pixel of {value}, and "
            f"{target.format.driver} with {limits.option} holds {pixels.dtype.name} from "
            f"{limits.lowest} to {limits.highest}; clip the pixels in the user function, or call "
            f"setCreationOptions without {limits.option}"
        )


def _check_nodata(target: Target, dtype: str) -> None:
    nodata, limits = target.options.nodata, target.format.limits(dtype)
    if nodata is None:
        return
    narrow = limits is not None and not limits.keeps(nodata)
    driver = target.format.driver
    # GDAL reads it as an int64
    narrow = narrow or (driver == "Zarr" and dtype == "uint64" and nodata >= 2**63)
    if narrow or not can_hold(dtype, nodata):
        raise rioserrors.ParameterError(
            f"setStatsIgnore: output '{target.label}' ('{target.path}') is {dtype} in {driver}"
            f"{f' with {limits.option}' if limits is not None else ''}, "
            f"which cannot have the nodata value {nodata}; give another value, or None"
        )
    lossy = target.format.lossy_option(dtype)
    # the others leave it as it is
    if lossy is not None and lossy.startswith("COMPRESS"):
        logger.warning(
            "Output '%s' ('%s'): %s changes pixels, so that some of those which are nodata (%s) "
            "may come out with another value, and count",
            target.label,
            target.path,
            lossy,
            nodata,
        )
