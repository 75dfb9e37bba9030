"""Turning blocks as the user function leaves them into pixels that an output's file can hold."""

from __future__ import annotations

import numpy as np

from rios_flows.basics.types import BlockArray
from rios_flows.formats.format import Wanted
from rios_flows.formats.limits import Limits
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.outputs.outputplan import OutputPlan
from rios_flows.outputs.pixelchecks import (
    check_type,
    check_values,
    filled,
    like_first,
    with_possible_nodata,
)
from rios_flows.outputs.targets import Target


class Accepting:
    """Accepts the blocks of one output; the first decides on type and bands."""

    def __init__(self, plan: OutputPlan, target: Target) -> None:
        # from the first block on without a nodata value that no pixel can have
        self.target = target
        self.wanted: Wanted | None = None
        self._plan = plan
        self._asked = target.options.nodata
        self._limits: Limits | None = None
        self._converted = False

    def accept(self, block: ApplierBlockDefn, array: BlockArray) -> BlockArray:
        """Return a block without its margin as it is written, ``(bands, rows, cols)``."""
        pixels = self._without_margin(array)
        wanted = self.wanted
        if wanted is None:
            self.target = check_type(self.target, pixels.dtype, self._plan.blocks.describe(block))
            wanted = self.begin(pixels)
        if pixels.dtype != wanted.dtype or pixels.shape[0] != wanted.bands:
            place = self._plan.blocks.describe(block)
            pixels = like_first(self.target, wanted, pixels, place, warn=not self._converted)
            self._converted = True
        if isinstance(pixels, np.ma.MaskedArray):
            pixels = filled(self.target, self._asked, pixels, self._plan.blocks.describe(block))
        if self._limits is not None:
            check_values(self.target, self._limits, pixels, self._plan.blocks.describe(block))
        return pixels

    def begin(self, pixels: BlockArray) -> Wanted:
        """Take type and bands from pixels of the first block."""
        self.target = with_possible_nodata(self.target, pixels.dtype)
        self._limits = self.target.format.limits(pixels.dtype.name)
        tags = self.target.options.tags
        self.wanted = Wanted(self._plan.grid, pixels.shape[0], pixels.dtype, tags)
        return self.wanted

    def _without_margin(self, array: BlockArray) -> BlockArray:
        margin = self._plan.blocks.overlap
        pixels = array[:, margin:-margin, margin:-margin] if margin else array
        if pixels.dtype.kind == "b":
            pixels = pixels.view(np.uint8)
        if not pixels.dtype.isnative:
            pixels = pixels.astype(pixels.dtype.newbyteorder("="))
        return pixels
