"""Pixels without data in what a function returns: NaN, and masks that were lost."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rios_flows.reducers.nodata import can_hold


def nan_as_nodata(value: Any, nodata: float | None) -> Any:
    """Put an output's nodata value in place of NaN, which then says the same to who reads it."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fc":
        return value
    if nodata is None or nodata != nodata or not can_hold(value.dtype, nodata):
        return value
    unknown = np.isnan(np.ma.getdata(value))
    if not unknown.any():
        return value
    if isinstance(value, np.ma.MaskedArray):
        unknown |= np.ma.getmaskarray(value)
    # the function may keep what it returned
    return np.where(unknown, value.dtype.type(nodata), np.ma.getdata(value))


def warn_of_lost_mask(
    name: str, value: Any, inputs: Sequence[Any], margin: int, nodata: float | None
) -> None:
    """Warn, once for an output, of plain values at pixels where no input has any data."""
    if not isinstance(value, np.ndarray) or np.ma.is_masked(value):
        return
    value = np.asarray(value)
    masks = [np.ma.getmask(each) for each in inputs if isinstance(each, np.ma.MaskedArray)]
    if not masks or not all(mask.any() for mask in masks):
        return
    shape = value.shape[-2:]
    nothing = np.ones(shape, bool)
    for mask in masks:
        if mask.shape[-2:] != shape:
            return
        nothing &= mask.reshape(-1, *shape).all(axis=0)
    # numpy has no slice that leaves out nothing at the end
    rows, cols = (slice(margin, length - margin) for length in shape)
    found = value[..., rows, cols][..., nothing[rows, cols]]
    given = found[found == found] if found.dtype.kind in "fc" else found
    if nodata is not None:
        given = given[given != nodata]
    if given.size:
        warnings.warn(
            f"output '{name}': the function gives values, such as {given.flat[0]}, to pixels where "
            "no input has data: it lost the mask of its inputs. If that is not meant, return a "
            "masked array, as np.ma.masked_where(np.ma.getmaskarray(x), result) makes one",
            stacklevel=2,
        )


def nodata_by_output(nodata: Any, names: Sequence[str]) -> Mapping[str, Any]:
    """Return what is given for each output."""
    if isinstance(nodata, Mapping):
        return {name: nodata.get(name, nodata.get(None)) for name in names}
    return dict.fromkeys(names, nodata)
