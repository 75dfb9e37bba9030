"""Writing: the outputs of a run, which appear under their final names only when complete."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType

from rios_flows import rioserrors
from rios_flows.basics.defaults import ZeroByDefault
from rios_flows.basics.errortext import OUTPUTS
from rios_flows.basics.timing import Timers
from rios_flows.basics.types import BlockArray, Key
from rios_flows.controls.associations import BlockAssociations
from rios_flows.controls.options import BeforeClose
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.outputs.outputfile import OutputFile
from rios_flows.outputs.outputplan import OutputPlan
from rios_flows.reports.rasters import Outputs
from rios_flows.reports.results import SinglePassManager

logger = logging.getLogger(__name__)

#: Note of an error that came when all was done.
ALL_NEW = f"{OUTPUTS}all are new, since the run was complete"

#: How often Ctrl-C may be pressed while unpublished files are removed.
PRESSED = 10


class OutputSet:
    """All outputs of a run; for use by the one lane that writes; raises ImageOpenError."""

    def __init__(
        self, plan: OutputPlan, before_close: Mapping[Key, BeforeClose] = MappingProxyType({})
    ) -> None:
        self.files: list[OutputFile] = []
        self._keep = plan.resume
        self._published = False
        self._apart = False
        try:
            for target in plan.targets:
                called = before_close.get(target.key)
                self.files.append(OutputFile(plan, target, self._keep, called))
        except BaseException:
            self.release()
            raise

    @property
    def journal_path(self) -> Path:
        """Where a run that can be resumed records its blocks."""
        return self.files[0].place.path / "journal"

    def write(self, block: ApplierBlockDefn, outputs: BlockAssociations) -> list[BlockArray]:
        """Write one block of every output; return the pixels, ``(bands, rows, cols)`` each."""
        arrays = [file.accept(block, outputs[file.target.key]) for file in self.files]
        self._write(block, arrays)
        return arrays

    def write_again(self, block: ApplierBlockDefn, arrays: Sequence[BlockArray]) -> None:
        """Write what :meth:`write` returned in an earlier run."""
        for file, pixels in zip(self.files, arrays, strict=True):
            file.begin(pixels)
        self._write(block, arrays)

    def close(self, timings: Timers) -> None:
        """Finish every file, still under its partial name."""
        for file in self.files:
            file.close(timings)

    def single_pass(self) -> SinglePassManager:
        """Return what was done in the single pass."""
        manager = SinglePassManager()
        for file in self.files:
            if file.extras is None:
                continue
            name, chosen = file.target.key[0], file.extras.chosen
            for done, this in (
                (manager.directPyramidsSupported, file.target.format.has_overviews),
                (manager.pyramids, chosen.single_pass_pyramids),
                (manager.statistics, chosen.single_pass_statistics),
                (manager.histograms, chosen.single_pass_histogram),
            ):
                # a name may stand for a list of files
                done[name] = done.get(name, True) and this
            manager.accumulators[file.target.key] = file.extras.gathered
        return manager

    def rasters(self) -> Outputs:
        """Return the outputs as they are, once they are published."""
        return Outputs(file.facts for file in self.files if file.facts is not None)

    def publish(self) -> None:
        """Bring every finished file to its final name; undo that after an error, but not in S3."""
        self._check_apart()
        for file in self.files:
            file.prepare()
        # what cannot be undone comes last
        files = sorted(self.files, key=lambda file: not file.place.can_be_undone)
        begun: list[OutputFile] = []
        try:
            for file in files:
                begun.append(file)
                file.move_in()
        except BaseException as error:
            for file in files:
                file.undo()
            _tell_of_new(error, begun)
            raise
        self._published, self._keep = True, False
        try:
            for file in files:
                file.commit()
        except BaseException as error:
            error.add_note(ALL_NEW)
            raise

    def _check_apart(self) -> None:
        """Refuse outputs that have a file in common, such as ENVI's header for a.bil and a.bsq."""
        owners: dict[str, OutputFile] = {}
        for file in self.files:
            for path in sorted(file.made):
                owner = owners.setdefault(path, file)
                if owner is not file:
                    raise rioserrors.ImageOpenError(
                        f"{owner.target.title} and {file.target.named} both need the file "
                        f"'{path}'; give them other names"
                    )

    def release(self) -> None:
        """Drop what was not published, except what a later run can continue from."""
        with ExitStack() as stack:
            for file in self.files:
                stack.callback(self._release, file)

    def _release(self, file: OutputFile) -> None:
        pressed: KeyboardInterrupt | None = None
        for _ in range(PRESSED):
            try:
                if self._published:
                    file.commit()
                file.release(self._keep)
                break
            except KeyboardInterrupt as interruption:
                # pressed once more: no reason to leave half of it behind
                pressed = interruption
        if pressed is not None:
            if self._published:
                pressed.add_note(ALL_NEW)
            raise pressed

    def _warn_of_zeros(self, arrays: Sequence[BlockArray]) -> None:
        """Warn once where 0, which floats may well have as a value, is nodata unasked."""
        labels = [
            f"'{file.target.label}'"
            for file, pixels in zip(self.files, arrays, strict=True)
            if _zeros_by_default(file, pixels)
        ]
        if labels:
            more = f" and {len(labels) - 3} more" if len(labels) > 3 else ""
            logger.warning(
                "Pixels of 0 are nodata in %s, which %s floats: nobody has set a nodata value, "
                "and RIOS's default is 0; setStatsIgnore sets another, None for none, or 0 to say "
                "that it is meant",
                ", ".join(labels[:3]) + more,
                "has" if len(labels) == 1 else "have",
            )

    def _write(self, block: ApplierBlockDefn, arrays: Sequence[BlockArray]) -> None:
        for file, pixels in zip(self.files, arrays, strict=True):
            file.write(block, pixels)
        if not self._apart:
            self._warn_of_zeros(arrays)
            # after the first block, since now each has the files that its driver makes
            self._check_apart()
            self._apart = True
        # not before: a refused block must not count
        for file, pixels in zip(self.files, arrays, strict=True):
            file.gather(block, pixels)


def _zeros_by_default(file: OutputFile, pixels: BlockArray) -> bool:
    nodata = file.target.options.nodata
    return pixels.dtype.kind == "f" and isinstance(nodata, ZeroByDefault)


def _tell_of_new(error: BaseException, begun: Sequence[OutputFile]) -> None:
    """Add to an error which outputs may be new all the same."""
    new = [f"'{file.target.path}'" for file in begun if not file.place.can_be_undone]
    if new:
        error.add_note(f"{OUTPUTS}{', '.join(new)} may be new; all else is as it was before")
