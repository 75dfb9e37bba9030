"""Which input an array of the block in hand came from, and which of its pixels are valid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from rios_flows import rioserrors
from rios_flows.reducers.nodata import as_pixel

if TYPE_CHECKING:
    from collections.abc import Callable

    from rios_flows.basics.types import BlockArray
    from rios_flows.controls.associations import BlockAssociations
    from rios_flows.geometry.grid import ApplierBlockDefn
    from rios_flows.inputs.inputplan import InputPlan
    from rios_flows.jobs.plan import Plan

#: Tells which pixels of an input are valid, as ``inputs.validity`` does; None if all are.
FindValid: TypeAlias = "Callable[[InputPlan, ApplierBlockDefn, BlockArray], BoolArray | None]"
BoolArray = np.ndarray[Any, np.dtype[np.bool_]]


class BlockArrays:
    """The input arrays of one block, as the user function gets them."""

    __slots__ = ("_block", "_find_valid", "_known", "_plan", "given")

    def __init__(
        self,
        plan: Plan,
        block: ApplierBlockDefn,
        inputs: BlockAssociations | None,
        find_valid: FindValid | None,
    ) -> None:
        self._plan, self._block, self._find_valid = plan, block, find_valid
        #: each input with its array
        self.given: list[tuple[InputPlan, BlockArray]] = []
        self._known: dict[int, InputPlan] | None = None
        if inputs is not None:
            # now, since the user function may put other arrays in their place
            self.given = [(item, inputs[item.source.key]) for item in plan.inputs]

    def input_of(self, array: BlockArray) -> InputPlan:
        """Return the input that an array, or a view of one, came from; raises KeysMismatch."""
        return self._whole_of(array)[0]

    def nodata_of(self, array: BlockArray, band: int) -> BlockArray | None:
        """Return the nodata value of a band (from 1) as a pixel of the array; None without one."""
        source = self.input_of(array).source
        nodata = source.nodata
        if not 1 <= band <= len(nodata):
            raise rioserrors.GDALLayerNumberError(
                f"getNoDataValueFor: band={band}, and the array of '{source.path}' "
                f"has {len(nodata)} bands, counted from 1"
            )
        return as_pixel(nodata[band - 1], array.dtype)

    def valid_of(self, array: BlockArray) -> BoolArray | None:
        """Return which pixels of a whole array are valid; None if all are."""
        item, whole = self._whole_of(array)
        if array.shape != whole.shape:
            raise rioserrors.KeysMismatch(
                f"getValidMask: the array has shape {array.shape}, and is a part of input "
                f"'{item.source.label}' {whole.shape}; ask with the whole array, and "
                "take the part of the mask"
            )
        if self._find_valid is not None:
            return self._find_valid(item, self._block, array)
        # few ask, and what opens files is of no use where nobody reads
        from rios_flows.inputs.reading import DatasetPool
        from rios_flows.inputs.validity import valid_pixels

        with DatasetPool(4) as pool:
            return valid_pixels(pool, self._plan.blocks, item, self._block, array)

    def _whole_of(self, array: BlockArray) -> tuple[InputPlan, BlockArray]:
        """Return the input that an array, or a view, is of, and all of its array."""
        # once a block, and only where it is asked for: inputs may be thousands
        if self._known is None:
            self._known = {id(candidate): item for item, candidate in self.given}
        whole: Any = array
        while whole is not None:
            if id(whole) in self._known:
                return self._known[id(whole)], whole
            whole = getattr(whole, "base", None)
        raise rioserrors.KeysMismatch(
            f"This array is no input of the block at {self._plan.describe(self._block)}, nor a "
            "view of one; ask with an array of `inputs`, not with one computed from it"
        )
