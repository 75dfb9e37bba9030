"""What bands tell of their values: scale and offset, by the file itself or by a catalogue."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rios_flows import rioserrors

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

    from rios_flows.controls.options import InputOptions

Scaling = tuple[tuple[float, float], ...]

_NONE = (1.0, 0.0)


def scaling_of(
    dataset: DatasetReader, bands: Sequence[int], options: InputOptions, what: str
) -> Scaling:
    """Return scale and offset of each band that is read; nothing if they change no value.

    A file that tells some wins over a catalogue. Where none are asked for, a warning tells of them.
    """
    own = tuple(zip(dataset.scales, dataset.offsets, strict=True))
    told = () if options.scaled is False else _of_all(options.told_scaling, len(own), what)
    by_file = any(each != _NONE for each in own)
    if by_file and told and told != own:
        _warn_of_two(own, told, what)
    every = own if by_file else told or own
    found = tuple(every[band - 1] for band in bands)
    if all(each == _NONE for each in found):
        return ()
    if options.scaled is None:
        _warn(found, what if by_file else f"the catalogue of {what}")
    return found


def with_told(own: Sequence[float | None], told: Sequence[float | None]) -> Sequence[float | None]:
    """Return nodata values of all bands of a file: where it tells none, those of a catalogue."""
    if len(told) == 1:
        told = tuple(told) * len(own)
    if len(told) != len(own):
        return own
    return [other if value is None else value for value, other in zip(own, told, strict=True)]


def _of_all(told: Scaling, count: int, what: str) -> Scaling:
    if len(told) in (0, count):
        return told
    if len(told) == 1:
        return told * count
    raise rioserrors.ParameterError(
        f"the catalogue tells scales and offsets of {len(told)} bands, and {what} has {count}: "
        "which is which is not known; give scaled=False, and scale in the function"
    )


def _warn(scaling: Scaling, what: str) -> None:
    scale, offset = next(each for each in scaling if each != _NONE)
    warnings.warn(
        f"{what} tells that its values are to be multiplied by {scale:g}, and {offset:g} "
        "added; the function gets them as they are stored. Give scaled=True to have that done, or "
        "scaled=False if stored values are meant",
        stacklevel=3,
    )


def _warn_of_two(own: Scaling, told: Scaling, what: str) -> None:
    mine, other = next(pair for pair in zip(own, told, strict=True) if pair[0] != pair[1])
    warnings.warn(
        f"{what} tells a scale of {mine[0]:g} and an offset of {mine[1]:g}, and the catalogue "
        f"{other[0]:g} and {other[1]:g}: what the file tells counts. Give scaled=False, and scale "
        "in the function, if that is wrong",
        stacklevel=3,
    )
