"""Whether the chunks of a Zarr store that a window needs could be opened.

GDAL reads a chunk that it cannot open as nodata: also if this user may not read it, if no file
descriptor is left, or if the store is too busy to send it.
"""

from __future__ import annotations

import errno
import itertools
import json
import logging
import math
import os
import re
import resource
from collections.abc import Iterator
from typing import Any

import numpy as np
from rasterio.env import ensure_env_with_credentials

from rios_flows import rioserrors
from rios_flows.formats.zarrchunks import ChunkLayout
from rios_flows.gdal.silence import why_not_sent
from rios_flows.gdal.vsi import contents_of, files_of
from rios_flows.geometry.regions import Box, box_of, grid_of
from rios_flows.inputs.warp import WarpPlan
from rios_flows.inputs.warpvrt import METHODS

logger = logging.getLogger(__name__)

#: With so few file descriptors left, another thread may just have got none.
_FEW_DESCRIPTORS = 16

#: A slice of an array of more than three dimensions, as in ``ZARR:"a.zarr":/b:0:3``.
_SLICE = re.compile(r"ZARR:.*:/[^:]*?((?::\d+)+)")


class NeededChunks:
    """The chunks of one array."""

    def __init__(
        self, path: str, description: str, layout: ChunkLayout, fixed: tuple[int, ...]
    ) -> None:
        self._path, self._layout, self._fixed = path, layout, fixed
        self._description, self._folder = description, os.path.dirname(description)
        self._planes: dict[tuple[int, ...], set[tuple[int, ...]]] = {}

    @classmethod
    def of(cls, path: str, size: tuple[int, int]) -> NeededChunks | None:
        """Look at a store of this size (rows, columns); return None if it is not understood."""
        bands, files = files_of(path)
        described = [name for name in files if name.endswith((".zarray", "zarr.json"))]
        found = _SLICE.fullmatch(path)
        fixed = tuple(map(int, found[1][1:].split(":"))) if found else ()
        try:
            layout = ChunkLayout.told(json.loads(_contents(path, described[0])))
        except (LookupError, ValueError, TypeError, OSError) as error:
            logger.debug("'%s' is read without looking at its chunks: %r", path, error)
            return None
        leading = layout.shape[:-2]
        known = len(fixed) == len(leading) if fixed else math.prod(leading) == bands
        return (
            cls(path, described[0], layout, fixed) if known and layout.shape[-2:] == size else None
        )

    def check(self, bands: tuple[int, ...], box: Box) -> None:
        """Raise OSError if a chunk of the window just read could not be opened."""
        names = self._names(bands, box)
        if os.path.isabs(self._folder) and not self._folder.startswith("/vsi"):
            self._check_local(names)
        else:
            ensure_env_with_credentials(lambda _: self._check_sent(names))(self._path)

    def _names(self, bands: tuple[int, ...], box: Box) -> Iterator[str]:
        layout = self._layout
        down, across = (
            range(max(0, first // side), -(-min(last, size) // side))
            for first, last, size, side in zip(
                (box.top, box.left),
                (box.bottom, box.right),
                layout.shape[-2:],
                layout.chunk[-2:],
                strict=True,
            )
        )
        for plane, row, col in itertools.product(self._planes_of(bands), down, across):
            yield f"{self._folder}/{layout.name((*plane, row, col))}"

    def _planes_of(self, bands: tuple[int, ...]) -> set[tuple[int, ...]]:
        """Return the numbers of chunks in all dimensions but the last two."""
        planes = self._planes.get(bands)
        if planes is None:
            shape, chunk = self._layout.shape[:-2], self._layout.chunk
            places: list[Any] = [self._fixed]
            if not self._fixed:
                places = [np.unravel_index(band - 1, shape) for band in bands]
            planes = self._planes[bands] = {
                tuple(int(at) // side for at, side in zip(place, chunk, strict=False))
                for place in places
            }
        return planes

    def _check_local(self, names: Iterator[str]) -> None:
        most, missing = resource.getrlimit(resource.RLIMIT_NOFILE)[0], False
        for name in names:
            try:
                handle = os.open(name, os.O_RDONLY | os.O_NONBLOCK)
            except (FileNotFoundError, NotADirectoryError):
                if os.path.islink(name):
                    raise OSError(f"'{name}' is a link that leads nowhere") from None
                missing = True
                continue
            os.close(handle)
            if most != resource.RLIM_INFINITY and handle >= most - _FEW_DESCRIPTORS:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), name)
        if missing and not os.path.exists(self._description):
            raise OSError(f"'{self._description}' was removed meanwhile")

    def _check_sent(self, names: Iterator[str]) -> None:
        for name in names:
            why = why_not_sent(name, self._description)
            if why is not None:
                raise OSError(f"chunk '{name}' was not sent: {why}")


def _contents(path: str, name: str) -> bytes:
    told: bytes = ensure_env_with_credentials(lambda _: contents_of(name))(path)
    return told


def box_in_source(warp: WarpPlan, box: Box) -> Box:
    """Return the source pixels that a window of a warped raster needs, or a few more."""
    definition = warp.definition
    try:
        found = box_of(grid_of(box, warp.grid), definition.source)
    except rioserrors.GdalWarpError:
        return Box(0, 0, definition.source.ncols, definition.source.nrows)
    more = 2 + math.ceil(METHODS[definition.resampling][1] * max(1, 1 / min(definition.scale)))
    return Box(found.left - more, found.top - more, found.right + more, found.bottom + more)
