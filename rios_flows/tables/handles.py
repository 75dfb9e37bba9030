"""Attribute tables by where they are: in or beside a raster, or in a Zarr store."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from os import PathLike, fspath
from typing import Any

from rios_flows import rioserrors
from rios_flows.files.attributes import Table
from rios_flows.files.tables import changing_table, reading_table
from rios_flows.tables.zarrtables import changing_store, check_zarr, reading_store


def _name(what: str, filename: Any) -> str:
    if not isinstance(filename, str | PathLike):
        raise rioserrors.ParameterError(f"{what}: filename={filename!r}: give a text or a path")
    return fspath(filename)


class RatHandle:
    """An attribute table by its file and band.

    Parameters
    ----------
    filename : str
        The raster.
    layernum : int
        The band, from 1.
    """

    def __init__(self, filename: str | PathLike[str], layernum: int = 1) -> None:
        self.filename, self.layernum = _name("RatHandle", filename), layernum

    def __repr__(self) -> str:
        return f"RatHandle({self.filename!r}, {self.layernum})"

    def exists(self) -> bool:
        """Whether there is a table to read, be it an empty one."""
        return True

    def reading(self) -> AbstractContextManager[Table]:
        """Give the table to read."""
        return reading_table(self.filename, self.layernum)

    def changing(self) -> AbstractContextManager[Table]:
        """Give the table to change."""
        return changing_table(self.filename, self.layernum)


class RatZarrHandle:
    """An attribute table in a Zarr store: a group, with an array for each column.

    Parameters
    ----------
    filename : str
        The directory of the store. An output makes it if there is none.

    Raises
    ------
    ParameterError
        If the package zarr is not installed.
    """

    def __init__(self, filename: str | PathLike[str]) -> None:
        check_zarr()
        self.filename = _name("RatZarrHandle", filename)

    def __repr__(self) -> str:
        return f"RatZarrHandle({self.filename!r})"

    def exists(self) -> bool:
        """Whether there is a store to read."""
        return os.path.exists(self.filename)

    def reading(self) -> AbstractContextManager[Table]:
        """Give the table to read."""
        return reading_store(self.filename)

    def changing(self) -> AbstractContextManager[Table]:
        """Give the table to change."""
        return changing_store(self.filename)


AnyHandle = RatHandle | RatZarrHandle
