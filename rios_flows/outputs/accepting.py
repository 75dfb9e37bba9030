"""Blocks as the user function leaves them, made into pixels that an output's file can have."""

from __future__ import annotations

import logging

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

logger = logging.getLogger(__name__)


class Accepting:
    """Accepts the blocks of one output; the first decides on type and bands.

    Parameters
    ----------
    plan : OutputPlan
        How the outputs are written.
    target : Target
        The output.

    Attributes
    ----------
    target : Target
        The output; after the first block without a nodata value that no pixel can have.
    wanted : Wanted or None
        What the file is to have; None before the first block.
    """

    def __init__(self, plan: OutputPlan, target: Target) -> None:
        self.target = target
        self.wanted: Wanted | None = None
        self._plan = plan
        self._asked = target.options.nodata
        self._limits: Limits | None = None
        self._converted = False

    def accept(self, block: ApplierBlockDefn, array: BlockArray) -> BlockArray:
        """Return a block as it is written, shape ``(bands, rows, cols)``, or refuse it.

        The user function leaves it with its margin, ``(bands, rows + 2 * overlap, ...)``.
        """
        pixels = self._without_margin(array)
        if self.wanted is None:
            self.target = check_type(self.target, pixels.dtype, self._plan.describe(block))
            wanted = self.begin(pixels)
        else:
            wanted = self.wanted
        if pixels.dtype != wanted.dtype or pixels.shape[0] != wanted.bands:
            pixels = self._like_first(block, wanted, pixels)
        if isinstance(pixels, np.ma.MaskedArray):
            pixels = filled(self.target, self._asked, pixels, self._plan.describe(block))
        if self._limits is not None:
            check_values(self.target, self._limits, pixels, self._plan.describe(block))
        return pixels

    def begin(self, pixels: BlockArray) -> Wanted:
        """Take type and bands from pixels of the first block."""
        self.target = with_possible_nodata(self.target, pixels.dtype)
        self._limits = self.target.format.limits(pixels.dtype.name)
        self.wanted = Wanted(
            self._plan.grid, pixels.shape[0], pixels.dtype, self.target.options.tags
        )
        return self.wanted

    def _without_margin(self, array: BlockArray) -> BlockArray:
        margin = self._plan.blocks.overlap
        pixels = array[:, margin:-margin, margin:-margin] if margin else array
        if pixels.dtype.kind == "b":
            pixels = pixels.view(np.uint8)
        if not pixels.dtype.isnative:
            pixels = pixels.astype(pixels.dtype.newbyteorder("="))
        return pixels

    def _like_first(
        self, block: ApplierBlockDefn, wanted: Wanted, pixels: BlockArray
    ) -> BlockArray:
        place = self._plan.describe(block)
        like = like_first(self.target, wanted.dtype, wanted.bands, pixels, place)
        if not self._converted:
            self._converted = True
            logger.warning(
                "Output '%s' ('%s') at %s is %s, and is written as %s, the type of the first block",
                self.target.label,
                self.target.path,
                place,
                pixels.dtype.name,
                wanted.dtype,
            )
        return like
