"""Changes of raster files that exist already, without losing anything in silence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rios_flows import rioserrors
from rios_flows.files.opening import Raster, is_name, open_raster
from rios_flows.gdal.closing import close_written
from rios_flows.gdal.losses import check_losses, losses


@contextmanager
def changing(raster: Raster) -> Iterator[Any]:
    """Open a raster for changes, and check that they are kept; an open one stays open."""
    before = losses()
    with open_raster(raster, "r+") as dataset:
        yield dataset
        try:
            if is_name(raster):
                close_written(dataset)
            check_losses(before)
        except OSError as error:
            raise rioserrors.ImageWriteError(
                f"Unable to change '{dataset.name}': {error}"
            ) from error
