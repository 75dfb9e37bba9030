"""One output while it is written, hidden until it is complete."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rasterio.io import DatasetWriter
from rasterio.windows import Window

from rios_flows import rioserrors
from rios_flows.basics.timing import Timers
from rios_flows.basics.types import BlockArray
from rios_flows.controls.options import BeforeClose
from rios_flows.files.layout import layout_of
from rios_flows.formats.format import Wanted
from rios_flows.gdal.closing import settle
from rios_flows.gdal.fulldisk import cause_of, with_hint
from rios_flows.gdal.losses import check_losses, losses
from rios_flows.gdal.private import IO_ERRORS
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.outputs.accepting import Accepting
from rios_flows.outputs.copying import make_copy
from rios_flows.outputs.extras import Extras
from rios_flows.outputs.facts import facts_of
from rios_flows.outputs.fidelity import check_kept
from rios_flows.outputs.opening import create_output
from rios_flows.outputs.outputplan import OutputPlan
from rios_flows.outputs.publishing.directories import with_names
from rios_flows.outputs.publishing.remotepaths import is_remote
from rios_flows.outputs.publishing.staging import open_place
from rios_flows.outputs.targets import Target, in_the_way
from rios_flows.outputs.wholeblocks import WholeBlocks
from rios_flows.outputs.wholeness import check_whole
from rios_flows.reports.rasters import PublishedOutput

logger = logging.getLogger(__name__)


class OutputFile:
    """One output while it is written; ``keep`` keeps what an earlier run left to continue from."""

    def __init__(
        self,
        plan: OutputPlan,
        target: Target,
        keep: bool = False,
        before_close: BeforeClose | None = None,
    ) -> None:
        # None before the first block
        self.extras: Extras | None = None
        # None before the file is finished
        self.facts: PublishedOutput | None = None
        self._accepting = Accepting(plan, target)
        self._plan = plan
        self._dataset: DatasetWriter | None = None
        self._losses = 0
        self._before_close = before_close
        self._gathering: WholeBlocks | None = None
        # looked up now: the working directory may change
        self._shown = target.path if is_remote(target.path) else os.path.abspath(target.path)
        self._final = "" if is_remote(target.path) else os.path.realpath(target.path)
        self.place = open_place(target.path, target.label, plan.tempdir)
        # in a directory of its own, under its own name: some formats name side-car files inside
        self._partial = str(self.place.path / "new" / self.place.name)
        self._written = self._partial
        if target.format.working is not None:
            self._written = str(self.place.path / "to copy" / self.place.name)
        try:
            if not keep:
                self.place.clear()
            for directory in self._directories:
                shutil.rmtree(directory, ignore_errors=True)
                directory.mkdir(0o700)
        except BaseException as error:
            self.place.release(keep)
            if isinstance(error, OSError):
                raise rioserrors.ImageOpenError(
                    f"Unable to create {target.what}: {with_names(str(error))}"
                ) from error
            raise

    @property
    def target(self) -> Target:
        """The output, as it can be with the pixels so far."""
        return self._accepting.target

    @property
    def made(self) -> set[str]:
        """Final names of the files that the driver has made so far."""
        folder = os.path.dirname(self._final or self.target.path)
        with self._told("Unable to list the files of"):
            names = os.listdir(os.path.dirname(self._partial))
        return {os.path.join(folder, name) for name in names}

    @property
    def _directories(self) -> set[Path]:
        # made anew: a path that was opened leads nowhere once the place is released
        return {self.place.path / Path(name).parent.name for name in (self._partial, self._written)}

    def accept(self, block: ApplierBlockDefn, array: BlockArray) -> BlockArray:
        """Return a block as it will be written, and create the file for the first one."""
        pixels = self._accepting.accept(block, array)
        if self._dataset is None:
            self._create()
        return pixels

    def begin(self, pixels: BlockArray) -> None:
        """Create the file for pixels like these, unless it is there."""
        if self._dataset is None:
            self._accepting.begin(pixels)
            self._create()

    def _create(self) -> None:
        self._losses = losses()
        self._dataset = create_output(self._plan, self.target, self._written, self._wanted)
        scratch, called = str(self.place.path), self._before_close
        with self._told("Unable to create"):
            self.extras = Extras(self._plan, self.target, self._dataset, scratch, called)
            settle(self._dataset)
            check_losses(self._losses)
        layout = layout_of(self._dataset, self._dataset.indexes)
        gathering = WholeBlocks(layout, self._plan.blocks.window, self._write_at, scratch)
        self._gathering = gathering if gathering.needed else None

    def write(self, block: ApplierBlockDefn, pixels: BlockArray) -> None:
        """Write what :meth:`accept` returned, as soon as blocks of the file are whole."""
        try:
            if self._gathering is None:
                self._write_at(block.left, block.top, pixels)
            else:
                self._gathering.add(block, pixels)
        except (*IO_ERRORS, SystemError) as error:
            cause = with_names(with_hint(cause_of(error)))
            raise rioserrors.ImageWriteError(
                f"Unable to write {self.target.what} at "
                f"{self._plan.blocks.describe(block)} (write stage): {cause}"
            ) from error

    def _write_at(self, left: int, top: int, pixels: BlockArray) -> None:
        assert self._dataset is not None
        _, nrows, ncols = pixels.shape
        self._dataset.write(pixels, window=Window(left, top, ncols, nrows))

    def gather(self, block: ApplierBlockDefn, pixels: BlockArray) -> None:
        """Let a block count in statistics and overviews; once, after it is written."""
        assert self.extras is not None
        self.extras.add(block, pixels)

    def close(self, timings: Timers) -> None:
        """Finish the file, still under its partial name."""
        dataset, self._dataset = self._dataset, None
        if dataset is None or self.extras is None:
            return
        self._stop_gathering()
        with self._told("Unable to finish"):
            self.extras.finish(dataset, self._written, timings)
            if self._written != self._partial:
                with timings.interval("writing"):
                    make_copy(self.target, self._written, self._partial)
                    shutil.rmtree(os.path.dirname(self._written))
            self.extras.statistics.finish_beside(self._partial)
            check_losses(self._losses)
        check_kept(self.target, self._partial, self.extras.made(self._wanted))

    def prepare(self) -> None:
        """Check the finished file, and do what takes long before it moves, such as an upload."""
        assert self.extras is not None
        with self._told("Unable to publish"):
            check_whole(self.target, self._partial, self.extras.made(self._wanted))
        with self._told("Unable to move", " to its final name"):
            made = os.listdir(os.path.dirname(self._partial))
            beside = self.target.format.sidecars_of(self.place.name)
            # what somebody has put there since the run began would be lost
            why = in_the_way(self.target.format, self._final) if self._final else None
            if why is not None:
                raise OSError(f"{why} by now; give the output another name, or move that away")
            self.facts = facts_of(
                self.target, self._shown, Path(self._partial), self._wanted, self.extras.gathered
            )
            self.place.prepare(beside.difference(made))

    def move_in(self) -> None:
        """Bring the finished file and its side-car files to their final names."""
        with self._told("Unable to move", " to its final name"):
            self.place.move_in()

    def commit(self) -> None:
        """Make the change final. May be called again."""
        try:
            self.place.commit()
        except OSError as error:
            why = with_names(str(error))
            logger.warning("The next run for '%s' may undo this one: %s", self.target.path, why)

    def undo(self) -> None:
        """Put the old file and its side-car files back."""
        try:
            self.place.undo()
        except OSError as error:
            logger.debug("'%s' was not put back: %s", self.target.path, with_names(str(error)))

    @property
    def _wanted(self) -> Wanted:
        assert self._accepting.wanted is not None
        return self._accepting.wanted

    @contextmanager
    def _told(self, what: str, more: str = "") -> Iterator[None]:
        """Name the output in errors of the system and of GDAL."""
        try:
            yield
        except rioserrors.RiosError:
            raise
        # SystemError and RuntimeError: GDAL did not tell rasterio why
        except (*IO_ERRORS, SystemError, RuntimeError) as error:
            raise rioserrors.ImageWriteError(
                f"{what} {self.target.what}{more}: {with_names(str(error))}"
            ) from error

    def _stop_gathering(self) -> None:
        if self._gathering is not None:
            self._gathering.close()
            self._gathering = None

    def release(self, keep: bool = False) -> None:
        """Drop what was not published, or keep it for a later run. May be called again."""
        dataset, self._dataset = self._dataset, None
        try:
            self._stop_gathering()
            if self.extras is not None:
                self.extras.abandon()
            # it is thrown away; RuntimeError and SystemError: GDAL did not tell rasterio why
            with suppress(*IO_ERRORS, RuntimeError, SystemError):
                if dataset is not None:
                    dataset.close()
            if keep:
                for directory in self._directories:
                    shutil.rmtree(directory, ignore_errors=True)
        finally:
            # else no other run of this process could have it
            self.place.release(keep)
