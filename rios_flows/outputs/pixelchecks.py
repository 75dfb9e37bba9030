"""Whether an output's file can hold pixels of some type, values and nodata value."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np

from rios_flows import rioserrors
from rios_flows.basics.defaults import NanByDefault
from rios_flows.basics.types import BlockArray
from rios_flows.formats.format import Wanted
from rios_flows.formats.limits import Limits
from rios_flows.gdal.pixeltypes import keeps_values
from rios_flows.outputs.targets import Target
from rios_flows.reducers.nodata import Number, can_hold

logger = logging.getLogger(__name__)


def check_type(target: Target, dtype: np.dtype[Any], place: str) -> Target:
    """Return the output as it can be with a type of pixels, or refuse the type."""
    driver, name = target.format.driver, dtype.name
    if not target.format.holds_type(name):
        raise rioserrors.TypeConversionError(
            f"{target.title} at {place}: {driver} cannot hold {name}; "
            "convert it in the user function, for instance with astype"
        )
    possible = with_possible_nodata(target, dtype)
    _check_nodata(possible, name)
    return possible


def check_values(target: Target, limits: Limits, pixels: BlockArray, place: str) -> None:
    """Refuse a block with a value that the file would change."""
    value = limits.beyond(pixels)
    if value is not None:
        raise rioserrors.TypeConversionError(
            f"{target.title} at {place} has a pixel of {value}, and "
            f"{target.format.driver} with {limits.option} holds {pixels.dtype.name} from "
            f"{limits.lowest} to {limits.highest}; clip the pixels in the user function, or call "
            f"setCreationOptions without {limits.option}"
        )


def like_first(
    target: Target, first: Wanted, pixels: BlockArray, place: str, warn: bool
) -> BlockArray:
    """Return a later block of another type in the type of the first one, or refuse it."""
    where, name = f"{target.title} at {place}", pixels.dtype.name
    if pixels.shape[0] != first.bands:
        raise rioserrors.ArrayShapeError(
            f"{where} has {pixels.shape[0]} bands; the first block had {first.bands}"
        )
    if not keeps_values(pixels, first.dtype):
        raise rioserrors.TypeConversionError(
            f"{where} is {name}; the first block was {first.dtype}, which does not keep its "
            "values: give every block the same type, for instance with astype"
        )
    if warn:
        like = "%s is %s, and is written as %s, the type of the first block"
        logger.warning(like, where, name, first.dtype)
    # masked pixels may have any value
    with np.errstate(invalid="ignore", over="ignore"):
        return pixels.astype(first.dtype)


def filled(
    target: Target, asked: Number | None, pixels: np.ma.MaskedArray[Any, Any], place: str
) -> BlockArray:
    """Fill masked pixels with nodata, else with the array's own fill value, or refuse them."""
    nodata, own = target.options.nodata, pixels.fill_value
    # numpy's default is 999999 even for bytes
    impossible = asked is not None or not can_hold(pixels.dtype.name, own)
    if nodata is None and impossible and np.ma.is_masked(pixels):
        value = f"the array's fill_value {own}" if asked is None else asked
        raise rioserrors.TypeConversionError(
            f"{target.title} at {place} has masked pixels, and no "
            f"nodata value to put in their place: {pixels.dtype.name} cannot hold {value}; call "
            "setStatsIgnore with a value that pixels can have, or fill the array in the user "
            "function"
        )
    plain: BlockArray = pixels.filled(nodata)
    return plain


def with_possible_nodata(target: Target, dtype: np.dtype[Any]) -> Target:
    """Return the output without a nodata value that no pixel can have: users set one for all."""
    nodata, limits = target.options.nodata, target.format.limits(dtype.name)
    if isinstance(nodata, NanByDefault):
        if dtype.kind in "fc" and target.format.holds_nodata(dtype.name, nodata):
            return target
    elif nodata is None or (can_hold(dtype, nodata) and not _beyond(limits, nodata)):
        return target
    else:
        _warn_of_none(target, dtype, nodata, limits)
    return replace(target, options=replace(target.options, nodata=None))


def _warn_of_none(
    target: Target, dtype: np.dtype[Any], nodata: Number, limits: Limits | None
) -> None:
    logger.warning(
        "setStatsIgnore: %s is %s%s, which cannot have the nodata value %s; it "
        "gets none, and all its pixels count (imagename='%s' is for a value of its own, or None)",
        target.named,
        dtype.name,
        "" if limits is None else f" with {limits.option}",
        nodata,
        target.key[0],
    )


def _beyond(limits: Limits | None, nodata: Number) -> bool:
    """Tell whether pixels with this value would be refused anyhow, so that there are none."""
    return limits is not None and isinstance(limits.highest, int) and not limits.keeps(nodata)


def _check_nodata(target: Target, dtype: str) -> None:
    """Refuse a nodata value that pixels may have but do not keep."""
    nodata, limits = target.options.nodata, target.format.limits(dtype)
    if nodata is None:
        return
    if not target.format.holds_nodata(dtype, nodata):
        raise rioserrors.ParameterError(
            f"setStatsIgnore: {target.named} is {dtype} in "
            f"{target.format.driver}{f' with {limits.option}' if limits is not None else ''}, "
            f"which cannot have the nodata value {nodata}; give another value, or None"
        )
    lossy = target.format.lossy_option(dtype)
    if lossy is not None and not lossy.startswith(target.format.rounding):
        logger.warning(
            "%s: %s changes pixels, so that some of those which are nodata (%s) "
            "may come out with another value, and count",
            target.title,
            lossy,
            nodata,
        )
