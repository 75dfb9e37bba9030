"""A job of a few blocks for functions that do what nobody thought of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rios_flows import engine, rioserrors
from rios_flows.controls.controls import ApplierControls
from rios_flows.structures import FilenameAssociations
from tests.support.rasters import Array, coordinates, read_raster, write_raster
from tests.support.styles import STYLES

ROWS, COLS, WINDOW = 64, 48, 16


class Job:
    """A few blocks; the output exists already."""

    def __init__(self, folder: Path, style: str = "none") -> None:
        self.folder = folder
        self.pixels = coordinates(1, ROWS, COLS, "uint8")
        self.infiles, self.outfiles = FilenameAssociations(), FilenameAssociations()
        self.infiles.image = write_raster(folder / "in.tif", self.pixels)
        self.outfiles.result = write_raster(folder / "out.tif", self.pixels[:, :20, :20])
        self.controls = ApplierControls()
        self.controls.setWindowSize(WINDOW, WINDOW)
        self.controls.setOutputDriverName("GTiff")
        self.controls.setConcurrencyStyle(STYLES[style])

    def run(self, function: Callable[..., Any], other_args: Any = None) -> Array:
        engine.apply(function, self.infiles, self.outfiles, other_args, self.controls)
        return read_raster(self.folder / "out.tif")

    def refuses(
        self, function: Callable[..., Any], error: type[Exception], match: str, other: Any = None
    ) -> None:
        before = self._files()
        with pytest.raises(error, match=match) as caught:
            self.run(function, other)
        assert isinstance(caught.value, rioserrors.RiosError)
        assert self._files() == before

    def _files(self) -> dict[str, bytes]:
        found = self.folder.rglob("*")
        return {str(path): path.read_bytes() if path.is_file() else b"" for path in found}


def same(info: Any, inputs: Any, outputs: Any, *other: Any) -> None:
    outputs.result = inputs.image
