"""A function that adds three columns to the table of an HFA file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rios_flows import rat, ratapplier
from tests.support.rasters import coordinates, write_raster

ROWS = 1000


class Job:
    """A function over one table, in blocks of 300 rows."""

    def __init__(self, path: Path, dtype: str = "uint16") -> None:
        self.path = write_raster(path, coordinates(2, 40, 30, dtype), driver="HFA")
        rat.writeColumn(path, "number", np.arange(ROWS))
        self.inputs, self.outputs = ratapplier.RatAssociations(), ratapplier.RatAssociations()
        self.inputs.a = self.outputs.a = ratapplier.RatHandle(path)
        self.controls = ratapplier.RatApplierControls()
        self.controls.setBlockLength(300)

    def run(self, function: Any) -> None:
        ratapplier.apply(function, self.inputs, self.outputs, None, self.controls)

    def read(self, name: str) -> list[Any]:
        values: list[Any] = rat.readColumn(self.path, name).tolist()
        return values

    @property
    def names(self) -> list[str]:
        return rat.getColumnNames(self.path)


def three(info: Any, inputs: Any, outputs: Any) -> None:
    number = inputs.a.number
    outputs.a.half, outputs.a.text = number / 2, [f"é{row}" for row in number]
    outputs.a.whole = number - 7


HALF = [row / 2 for row in range(ROWS)]
TEXT = [f"é{row}".encode() for row in range(ROWS)]
WHOLE = [row - 7 for row in range(ROWS)]
