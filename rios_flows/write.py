"""Writing: the outputs of a run, which appear under their final names only when complete."""

from __future__ import annotations

from rios_flows.associations import BlockAssociations
from rios_flows.grid import ApplierBlockDefn
from rios_flows.outputfile import OutputFile
from rios_flows.plan import Plan
from rios_flows.timing import Timers


class OutputSet:
    """All outputs of a run; for use by the one lane that writes.

    Parameters
    ----------
    plan : Plan
        The plan of the run.

    Raises
    ------
    ImageOpenError
        If an output's directory cannot be written to.
    """

    def __init__(self, plan: Plan) -> None:
        self.files: list[OutputFile] = []
        try:
            for target in plan.targets:
                self.files.append(OutputFile(plan, target))
        except BaseException:
            self.abandon()
            raise

    def write(self, block: ApplierBlockDefn, outputs: BlockAssociations) -> int:
        """Write one block of every output, and return how much that was (bytes)."""
        accepted = [(file, file.accept(block, outputs[file.target.key])) for file in self.files]
        for file, pixels in accepted:
            file.write(block, pixels)
        # not before all are written: a further try would count the block twice
        for file, pixels in accepted:
            file.gather(block, pixels)
        return sum(pixels.nbytes for _, pixels in accepted)

    def close(self, timings: Timers) -> None:
        """Finish every file, still under its partial name."""
        for file in self.files:
            file.close(timings)

    def publish(self) -> None:
        """Move every finished file to its final name."""
        for file in self.files:
            file.publish()

    def abandon(self) -> None:
        """Drop what was written; every final name stays as it was."""
        for file in self.files:
            file.abandon()
