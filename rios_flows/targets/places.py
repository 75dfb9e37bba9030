"""Where an output grows, and how it gets to its final name once it is complete."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from rios_flows.targets.scratch import open_scratch
from rios_flows.targets.syncing import sync, sync_directory
from rios_flows.targets.upload import Bucket, is_remote
from rios_flows.tempfiles import TempfileManager


class Place(Protocol):
    """Where one output grows.

    Attributes
    ----------
    path : Path
        A directory for this output alone.
    name : str
        The output's name, without its directory.
    """

    path: Path
    name: str

    def clear(self) -> None:
        """Remove what an earlier run has left."""

    def publish(self, folder: Path, stale: Collection[str]) -> None:
        """Bring all of a directory to the final place, the output itself last.

        Parameters
        ----------
        folder : Path
            A directory in ``path``.
        stale : collection of str
            Names of files that are to go from the final place.

        Raises
        ------
        OSError
            If that fails.
        """

    def release(self, keep: bool = False) -> None:
        """Remove the directory, unless it is to be kept. Once is enough."""


class BesidePlace:
    """A hidden directory beside a local file, locked against other runs.

    Parameters
    ----------
    path : str
        Final name of the output.
    label : str
        What messages call it.
    """

    def __init__(self, path: str, label: str) -> None:
        # a link stays, and what it leads to is replaced
        self._final = os.path.realpath(path)
        self._scratch = open_scratch(self._final, label)
        self.path = self._scratch.path
        self.name = os.path.basename(self._final)

    def clear(self) -> None:
        """Remove what an earlier run has left."""
        self._scratch.clear()

    def publish(self, folder: Path, stale: Collection[str]) -> None:
        """Rename all of a directory, the output itself last."""
        target = os.path.dirname(self._final)
        names = os.listdir(folder)
        for name in names:
            sync(folder / name)
        for name in stale:
            with suppress(FileNotFoundError):
                os.remove(os.path.join(target, name))
        for name in sorted(names, key=lambda name: name == self.name):
            self._move(folder / name, os.path.join(target, name))
        sync_directory(target)

    def release(self, keep: bool = False) -> None:
        """Let others in; remove the directory, unless it is to be kept."""
        self._scratch.release(keep)

    def _move(self, new: Path, place: str) -> None:
        if os.path.lexists(place) and (os.path.isdir(place) or new.is_dir()):
            # a directory can neither be replaced in one step nor replace a file
            os.replace(place, self.path / "old")
        os.replace(new, place)


class RemotePlace:
    """A temporary local directory for an output that is uploaded when it is complete.

    Parameters
    ----------
    path : str
        Final name of the output, as "s3://bucket/key".
    label : str
        What messages call it.
    tempdir : str
        Where the directory is made.
    """

    def __init__(self, path: str, label: str, tempdir: str) -> None:
        self._bucket = Bucket(path, label)
        self._files = TempfileManager(tempdir)
        self.path = Path(self._files.directory)
        self.name = self._bucket.name

    def clear(self) -> None:
        """Do nothing: the directory is new."""

    def publish(self, folder: Path, stale: Collection[str]) -> None:
        """Upload all of a directory, the output itself last."""
        names = sorted(os.listdir(folder), key=lambda name: name == self.name)
        for name in names:
            self._bucket.put(folder / name)
        self._bucket.remove(stale)

    def release(self, keep: bool = False) -> None:
        """Remove the directory: nothing can go on from it."""
        self._files.cleanup()


def open_place(path: str, label: str, tempdir: str) -> Place:
    """Take the place in which an output grows.

    Parameters
    ----------
    path, label : str
        Final name of the output, and what messages call it.
    tempdir : str
        Where temporary directories are made.

    Raises
    ------
    ImageOpenError
        If another run uses it, or it cannot be made or reached.
    UnavailableError
        If the package that is needed to get there is not installed.
    """
    if is_remote(path):
        return RemotePlace(path, label, tempdir)
    return BesidePlace(path, label)
