"""What the outputs of a run need to know of it: a value that pickles."""

from __future__ import annotations

from dataclasses import dataclass

from rios_flows.geometry.grid import ApplierBlockDefn, BlockGrid, PixelGrid
from rios_flows.outputs.targets import Target


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """How the outputs of a run are written.

    Attributes
    ----------
    grid : PixelGrid
        The working grid.
    blocks : BlockGrid
        How it is cut.
    targets : tuple of Target
        The outputs.
    resume : bool
        Whether a later run may go on from what this one leaves.
    tempdir : str
        Directory for what is uploaded in the end.
    """

    grid: PixelGrid
    blocks: BlockGrid
    targets: tuple[Target, ...]
    resume: bool
    tempdir: str

    def describe(self, block: ApplierBlockDefn) -> str:
        """Name a block in a message."""
        return self.blocks.describe(block)
