"""Where an output grows, and how it gets to its final name once it is complete.

Publishing goes in steps, each for all outputs of a run before the next: ``prepare`` what takes long
or is likely to fail, ``move_in``, ``commit``. After an error ``undo`` leaves the old output as it
was.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from rios_flows import rioserrors
from rios_flows.files.changelock import one_change
from rios_flows.outputs.publishing.directories import with_names
from rios_flows.outputs.publishing.moves import Moves
from rios_flows.outputs.publishing.permissions import keep_permissions
from rios_flows.outputs.publishing.remotepaths import is_remote
from rios_flows.outputs.publishing.scratch import ScratchDirectory
from rios_flows.outputs.publishing.syncing import sync

if TYPE_CHECKING:
    from rios_flows.outputs.publishing.remotestaging import RemotePlace

logger = logging.getLogger(__name__)

Place: TypeAlias = "BesidePlace | RemotePlace"


class BesidePlace:
    """A hidden directory beside a local file, locked against other runs; raises OSError."""

    can_be_undone = True

    def __init__(self, path: str) -> None:
        # the output's name without its directory; a link stays, and what it leads to is replaced
        self._folder, self.name = os.path.split(os.path.realpath(path))
        self._scratch = ScratchDirectory(os.path.join(self._folder, self.name))
        self._moves: Moves | None = None
        self._changing = ExitStack()
        self._final = False
        try:
            self._recover()
        except BaseException:
            self._scratch.release(keep=True)
            raise

    @property
    def path(self) -> Path:
        """The hidden directory, until it is released; what is in ``path / "new"`` is published."""
        return self._scratch.path

    def clear(self) -> None:
        """Remove what an earlier run has left."""
        self._scratch.clear()

    def prepare(self, stale: Collection[str]) -> None:
        """Keep the old permissions, and bring all to disk; the ``stale`` names go later.

        Until the end of publishing nobody changes the old file, whose side-car files would come
        beside the new one, nor the new one before it has all of its own.
        """
        for path in (self._scratch.folder / self.name, self.path / "new" / self.name):
            if path.exists():
                self._changing.enter_context(one_change(path))
        for name in os.listdir(self.path / "new"):
            new, old = self.path / "new" / name, self._scratch.folder / name
            keep_permissions(old if os.path.lexists(old) else old.with_name(self.name), new)
            sync(new)
        self._moves = Moves.planned(self.path, self._scratch.folder, self.name, stale)

    def move_in(self) -> None:
        """Rename all, the output itself last, or raise OSError."""
        assert self._moves is not None
        self._scratch.check()
        self._moves.set_aside()
        self._moves.move_in()

    def commit(self) -> None:
        """Make the change final, and forget the old files. May be called again."""
        self._final = True
        if self._moves is not None:
            self._moves.commit()
            self._moves = None
        self._changing.close()

    def undo(self) -> None:
        """Put the old files back, or raise OSError. May be called again."""
        if self._moves is not None:
            self._moves.undo()
            self._moves = None
        self._changing.close()

    def release(self, keep: bool = False) -> None:
        """Let others in, and remove the directory, unless it is kept. May be called again."""
        with self._changing:
            self._release(keep)

    def _release(self, keep: bool) -> None:
        if self._final:
            # if the journal cannot be removed, the old files stay: the next run looks for them
            self._scratch.release(keep or self._moves is not None)
            return
        try:
            self.undo()
        except OSError as error:
            keep = True
            logger.error(
                "'%s' could not be put back, and lies in '%s'; the next run for it tries again: %s",
                os.path.join(self._folder, self.name),
                self._scratch.name / "old",
                with_names(str(error)),
            )
        self._scratch.release(keep)

    def _recover(self) -> None:
        self._moves = Moves.left_behind(self.path, self._scratch.folder, self.name)
        if self._moves is not None:
            logger.warning("A run was killed while it published '%s': undoing that", self.name)
            # whoever changes the file in this place has to come to an end first
            with one_change(self._scratch.folder / self.name):
                self.undo()


def open_place(path: str, label: str, tempdir: str) -> Place:
    """Take the place in which an output grows; raise ImageOpenError if another run has it."""
    if is_remote(path):
        # here, since it takes a while and few outputs go to S3
        from rios_flows.outputs.publishing.remotestaging import RemotePlace

        return RemotePlace(path, label, tempdir)
    try:
        return BesidePlace(path)
    except OSError as error:
        raise rioserrors.ImageOpenError(
            f"Unable to create '{path}' (output '{label}'): {with_names(str(error))}"
        ) from error
