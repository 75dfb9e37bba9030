"""What the outputs of a run need to know of it."""

from __future__ import annotations

from dataclasses import dataclass

from rios_flows.geometry.grid import BlockGrid, PixelGrid
from rios_flows.outputs.targets import Target


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """How the outputs of a run are written; it pickles."""

    grid: PixelGrid
    blocks: BlockGrid
    targets: tuple[Target, ...]
    # a later run may continue from what this one leaves
    resume: bool
    # for outputs that are uploaded when they are complete
    tempdir: str
