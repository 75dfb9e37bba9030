"""One output while it is being written, out of sight until it is complete."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from rasterio.windows import Window

from rios_flows import rioserrors
from rios_flows.controls.options import BeforeClose
from rios_flows.files.layout import layout_of
from rios_flows.formats.choosing import tile_side
from rios_flows.formats.sidecars import sidecars_of
from rios_flows.formats.zarr import complete_store
from rios_flows.gdal.closing import CREATING, close_written, settle
from rios_flows.gdal.fulldisk import cause_of, with_hint
from rios_flows.gdal.losses import check_losses, losses
from rios_flows.gdal.manybands import with_many_bands
from rios_flows.gdal.private import IO_ERRORS
from rios_flows.gdal.updating import reopened
from rios_flows.outputs.colors import colored_bands
from rios_flows.outputs.copying import make_copy
from rios_flows.outputs.extras import Extras
from rios_flows.outputs.fidelity import Expected, check_created, check_kept
from rios_flows.outputs.pixelchecks import (
    check_type,
    check_values,
    filled,
    like_first,
    with_possible_nodata,
)
from rios_flows.outputs.publishing.directories import with_names
from rios_flows.outputs.publishing.remotepaths import is_remote
from rios_flows.outputs.publishing.staging import Place, open_place
from rios_flows.outputs.trial import check_compression
from rios_flows.outputs.wholeblocks import WholeBlocks
from rios_flows.outputs.wholeness import check_whole
from rios_flows.reducers.nodata import needs_digits

if TYPE_CHECKING:
    from rasterio.io import DatasetWriter

    from rios_flows.basics.timing import Timers
    from rios_flows.basics.types import BlockArray
    from rios_flows.formats.lossiness import Limits
    from rios_flows.geometry.grid import ApplierBlockDefn
    from rios_flows.outputs.outputplan import OutputPlan
    from rios_flows.outputs.targets import Target

logger = logging.getLogger(__name__)

#: What may go wrong with a file.


class OutputFile:
    """One output while it is being written, in a directory of its own.

    It keeps its name there, since some formats name their own side-car files inside.

    Parameters
    ----------
    plan : OutputPlan
        How the outputs are written.
    target : Target
        The output.
    keep : bool
        Keep what an earlier run has left to go on from.
    before_close : tuple, optional
        What of the caller's is called before the file is closed.
    """

    def __init__(
        self,
        plan: OutputPlan,
        target: Target,
        keep: bool = False,
        before_close: BeforeClose | None = None,
    ) -> None:
        self.target = target
        self._plan = plan
        self._dataset: DatasetWriter | None = None
        self._dtype: np.dtype[Any] | None = None
        self._bands = 0
        self._limits: Limits | None = None
        self._losses = 0
        self._converted = False
        self._asked = target.options.nodata
        self._before_close = before_close
        self._extras: Extras | None = None
        self._gathering: WholeBlocks | None = None
        self.place: Place = open_place(target.path, target.label, plan.tempdir)
        self._partial = str(self.place.path / "new" / self.place.name)
        self._written = self._partial
        if target.format.working_options is not None:
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
                    f"Unable to create '{target.path}' (output '{target.label}'): "
                    f"{with_names(str(error))}"
                ) from error
            raise

    @property
    def extras(self) -> Extras | None:
        """What the output gets beside its pixels; None before the first block."""
        return self._extras

    @property
    def made(self) -> set[str]:
        """Final names of the files that there are so far."""
        path = self.target.path
        folder = os.path.dirname(path if is_remote(path) else os.path.realpath(path))
        with self._told("Unable to list the files of"):
            names = os.listdir(os.path.dirname(self._partial))
        return {os.path.join(folder, name) for name in names}

    @property
    def _directories(self) -> set[Path]:
        # not as they were opened: that leads elsewhere once the place is released
        return {self.place.path / Path(name).parent.name for name in (self._partial, self._written)}

    def accept(self, block: ApplierBlockDefn, array: BlockArray) -> BlockArray:
        """Return a block as it is to be written; the first decides on type and bands.

        Parameters
        ----------
        block : ApplierBlockDefn
            Where.
        array : ndarray
            As the user function left it, shape ``(bands, rows + 2 * overlap, cols + 2 * overlap)``.

        Returns
        -------
        ndarray
            Shape ``(bands, rows, cols)``.
        """
        pixels = self._without_margin(array)
        if self._dataset is None:
            self.target = check_type(self.target, pixels.dtype, self._plan.describe(block))
            self.begin(pixels)
        if pixels.dtype != self._dtype or pixels.shape[0] != self._bands:
            pixels = self._like_first(block, pixels)
        if isinstance(pixels, np.ma.MaskedArray):
            pixels = filled(self.target, self._asked, pixels, self._plan.describe(block))
        if self._limits is not None:
            check_values(self.target, self._limits, pixels, self._plan.describe(block))
        return pixels

    def begin(self, pixels: BlockArray) -> None:
        """Create the file for pixels like these, where it is not there yet."""
        if self._dataset is None:
            self.target = with_possible_nodata(self.target, pixels.dtype)
            self._losses = losses()
            self._dataset = self._create(pixels)
            scratch = str(self.place.path)
            with self._told("Unable to create"):
                self._extras = Extras(
                    self._plan, self.target, self._dataset, scratch, self._before_close
                )
                settle(self._dataset)
                check_losses(self._losses)
            layout = layout_of(self._dataset, self._dataset.indexes)
            gathering = WholeBlocks(layout, self._plan.blocks.window, self._write_at, scratch)
            self._gathering = gathering if gathering.needed else None

    def write(self, block: ApplierBlockDefn, pixels: BlockArray) -> None:
        """Write what :meth:`accept` returned, once whole blocks of the file are there."""
        try:
            if self._gathering is None:
                self._write_at(block.left, block.top, pixels)
            else:
                self._gathering.add(block, pixels)
        except (*IO_ERRORS, SystemError) as error:
            cause = with_names(with_hint(cause_of(error)))
            raise rioserrors.ImageWriteError(
                f"Unable to write '{self.target.path}' (output '{self.target.label}') at "
                f"{self._plan.describe(block)} (write stage): {cause}"
            ) from error

    def _write_at(self, left: int, top: int, pixels: BlockArray) -> None:
        assert self._dataset is not None
        _, nrows, ncols = pixels.shape
        self._dataset.write(pixels, window=Window(left, top, ncols, nrows))

    def gather(self, block: ApplierBlockDefn, pixels: BlockArray) -> None:
        """Let a block count in statistics and overviews; once, after it is written."""
        assert self._extras is not None
        self._extras.add(block, pixels)

    def close(self, timings: Timers) -> None:
        """Finish the file, still under its partial name."""
        dataset, self._dataset = self._dataset, None
        if dataset is None or self._extras is None:
            return
        self._stop_gathering()
        with self._told("Unable to finish"):
            self._extras.finish(dataset, self._written, timings)
            if self._written != self._partial:
                with timings.interval("writing"):
                    self._copy()
            self._extras.finish_beside(self._partial)
            check_losses(self._losses)
        colored = colored_bands(self.target, self._expected().dtype, self._extras.gathered)
        check_kept(self.target, self._partial, self._expected(colored))

    def check(self) -> None:
        """Look at the finished file, opened afresh, before anything is moved."""
        assert self._extras is not None
        with self._told("Unable to publish"):
            check_whole(self.target, self._partial, self._extras.made(self._expected()))

    def prepare(self) -> None:
        """Do what takes long before the file gets its final name, such as an upload."""
        self.check()
        with self._told("Unable to move", " to its final name"):
            made = os.listdir(os.path.dirname(self._partial))
            beside = sidecars_of(self.place.name, self.target.format.driver)
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
            logger.warning("The next run for '%s' may undo this one: %s", self.target.path, error)

    def undo(self) -> None:
        """Have the old file and its side-car files back."""
        try:
            self.place.undo()
        except OSError as error:
            logger.debug("'%s' was not put back yet: %s", self.target.path, error)

    def _expected(self, colored: Sequence[int] = ()) -> Expected:
        assert self._dtype is not None
        return Expected(self._plan.grid, self._bands, self._dtype, colored)

    @contextmanager
    def _told(self, what: str, more: str = "") -> Iterator[None]:
        """Name the output where something fails that the system or GDAL does for it."""
        try:
            yield
        except rioserrors.RiosError:
            raise
        # SystemError: so rasterio says that GDAL did not tell it why
        except (*IO_ERRORS, SystemError) as error:
            raise rioserrors.ImageWriteError(
                f"{what} '{self.target.path}' (output '{self.target.label}'){more}: "
                f"{with_names(str(error))}"
            ) from error

    def _copy(self) -> None:
        make_copy(self.target, self._written, self._partial)
        shutil.rmtree(os.path.dirname(self._written))

    def _stop_gathering(self) -> None:
        if self._gathering is not None:
            self._gathering.close()
            self._gathering = None

    def release(self, keep: bool = False) -> None:
        """Drop what was not published; the final name stays as it is.

        May be called again, to finish what an interruption left.

        Parameters
        ----------
        keep : bool
            Leave what a later run can go on from.
        """
        dataset, self._dataset = self._dataset, None
        self._stop_gathering()
        if self._extras is not None:
            self._extras.abandon()
        with suppress(*IO_ERRORS):  # it is thrown away
            if dataset is not None:
                dataset.close()
        if keep:
            for directory in self._directories:
                shutil.rmtree(directory, ignore_errors=True)
        self.place.release(keep)

    def _without_margin(self, array: BlockArray) -> BlockArray:
        margin = self._plan.blocks.overlap
        pixels = array[:, margin:-margin, margin:-margin] if margin else array
        if pixels.dtype.kind == "b":
            pixels = pixels.view(np.uint8)
        if not pixels.dtype.isnative:
            pixels = pixels.astype(pixels.dtype.newbyteorder("="))
        return pixels

    def _like_first(self, block: ApplierBlockDefn, pixels: BlockArray) -> BlockArray:
        assert self._dtype is not None
        place = self._plan.describe(block)
        like = like_first(self.target, self._dtype, self._bands, pixels, place)
        if not self._converted:
            self._converted = True
            logger.warning(
                "Output '%s' ('%s') at %s is %s, and is written as %s, the type of the first block",
                self.target.label,
                self.target.path,
                place,
                pixels.dtype.name,
                self._dtype,
            )
        return like

    def _create(self, pixels: BlockArray) -> DatasetWriter:
        self._dtype, self._bands = pixels.dtype, pixels.shape[0]
        target, grid, name = self.target, self._plan.grid, pixels.dtype.name
        self._limits = target.format.limits(name)
        check_compression(target, self._bands, name)
        driver, options = target.format.written
        profile: dict[str, Any] = {name.lower(): value for name, value in options.items()}
        # Zarr takes no nodata value for several bands, and gets it below; extras write a long one
        nodata = target.options.nodata
        if driver == "Zarr" or needs_digits(name, nodata):
            nodata = None
        if driver == "Zarr":
            profile.setdefault("blocksize", self._chunk())
        try:
            dataset = rasterio.open(
                self._written,
                CREATING.get(driver, "w"),
                driver=driver,
                width=grid.ncols,
                height=grid.nrows,
                count=self._bands,
                dtype=name,
                nodata=nodata,
                transform=grid.transform,
                crs=grid.crs or None,
                **profile,
            )
            if driver == "Zarr":
                dataset = self._reopened(dataset)
        # IndexError: a driver makes fewer bands; SystemError: one fails and does not say why
        except (*IO_ERRORS, ValueError, TypeError, IndexError, SystemError) as error:
            # rasterio fails to put that into words
            untold = isinstance(error, TypeError) and "formatting" in str(error)
            cause = "the driver refuses the position of the pixels" if untold else error
            raise rioserrors.ImageOpenError(
                f"Unable to create '{target.path}' (output '{target.label}') as "
                f"{target.format.driver} of {self._bands} bands of {name} with "
                f"{[*map('='.join, target.format.options.items())]}: {with_names(str(cause))}"
            ) from error
        try:
            check_created(target, dataset, self._expected())
            self._describe(dataset)
        except BaseException:
            with suppress(*IO_ERRORS):  # it is thrown away
                dataset.close()
            raise
        return with_many_bands(dataset)

    def _chunk(self) -> str:
        """Return the size of a Zarr store's chunks, which follow the window."""
        grid, window = self._plan.grid, self._plan.blocks.window
        across, down = tile_side(window[0], grid.ncols), tile_side(window[1], grid.nrows)
        return f"1,{down},{across}" if self._bands > 1 else f"{down},{across}"

    def _reopened(self, dataset: DatasetWriter) -> DatasetWriter:
        """Complete a new Zarr store; what is told of its bands is only kept after that."""
        close_written(dataset)
        assert self._dtype is not None
        nodata = self.target.options.nodata
        complete_store(self._written, self._dtype.name, nodata, self._plan.grid.crs)
        return reopened(self._written)

    def _describe(self, dataset: DatasetWriter) -> None:
        names = self.target.options.layer_names
        if names is not None and len(names) < self._bands:
            given = "1 name was" if len(names) == 1 else f"{len(names)} names were"
            raise rioserrors.ParameterError(
                f"setLayerNames: output '{self.target.label}' ('{self.target.path}') has "
                f"{self._bands} bands, and {given} given"
            )
        for band in range(1, self._bands + 1):
            if names is not None:
                dataset.set_band_description(band, names[band - 1])
            if self.target.options.thematic:
                dataset.update_tags(band, LAYER_TYPE="thematic")
