"""What a function over rows of attribute tables is given: their names, and blocks of columns."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rios_flows import rioserrors
from rios_flows.files.attributes import Table
from rios_flows.gdal.tabletypes import ColumnUsage
from rios_flows.tables.handles import RatHandle, RatZarrHandle


class RatAssociations:
    """Attribute tables under the names that the function knows them by: ``tables.x = handle``."""

    def __setattr__(self, name: str, handle: Any) -> None:
        if not isinstance(handle, RatHandle | RatZarrHandle):
            raise rioserrors.ParameterError(
                f"RatAssociations: '{name}' is {handle!r}; give a RatHandle(filename, layernum) or "
                "a RatZarrHandle(filename)"
            )
        super().__setattr__(name, handle)


class OtherArguments:
    """Things of the user's that the function gets: ``arguments.x = anything``."""


class RatApplierState:
    """Where the function is.

    Attributes
    ----------
    blockNdx : int
        Number of the block, from 0.
    startrow, blockLen : int
        Its first row, and how many it has.
    rowCount : int
        How many rows there are in all.
    """

    def __init__(self, blockNdx: int, startrow: int, blockLen: int, rowCount: int) -> None:
        self.blockNdx, self.startrow, self.blockLen = blockNdx, startrow, blockLen
        self.rowCount = rowCount

    @cached_property
    def inputRowNumbers(self) -> NDArray[np.int64]:
        """Numbers of its rows."""
        return np.arange(self.startrow, self.startrow + self.blockLen)


class InputColumns:
    """Columns of one block of an input, each read when it is first asked for."""

    def __init__(self, table: Table, state: RatApplierState, strings: bool) -> None:
        # names that no column has
        self.__table, self.__state, self.__strings = table, state, strings

    def __getattr__(self, name: str) -> NDArray[Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        where = (self.__state.startrow, self.__state.blockLen)
        values = self.__table.read(name, *where, strings=self.__strings)
        # asked for once only
        self.__dict__[name] = values
        return values

    def getUsage(self, columnName: str) -> ColumnUsage:
        """Return what a column is for."""
        return self.__table.column(columnName).usage


class OutputColumns:
    """Columns of one block of an output, as the function sets them: ``outputs.x.area = array``."""

    # so that its own dictionary has the columns only
    __slots__ = ("__dict__", "__usages")

    def __init__(self, usages: dict[str, ColumnUsage]) -> None:
        self.__usages = usages

    def setUsage(self, columnName: str, usage: int) -> None:
        """Set what a new column is for.

        Raises
        ------
        ParameterError
            If this is none of GDAL's usages, ``rat.ColumnUsage`` or its number.
        """
        try:
            self.__usages[columnName] = ColumnUsage(usage)
        except ValueError:
            raise rioserrors.ParameterError(
                f"setUsage('{columnName}', {usage!r}): give one of rat.ColumnUsage, or its number"
            ) from None

    def getUsage(self, columnName: str) -> ColumnUsage:
        """Return what a column was said to be for."""
        return self.__usages.get(columnName, ColumnUsage.Generic)


class RatBlockAssociation:
    """The blocks of all inputs or outputs, under the user's names."""

    def __init__(self, **blocks: Any) -> None:
        self.__dict__.update(blocks)

    def __setattr__(self, name: str, value: Any) -> None:
        raise rioserrors.ParameterError(
            f"'{name}' is set on the tables, which are {self._there}; set a column of one, as in "
            f"outputs.table.{name} = values"
        )

    def __getattr__(self, name: str) -> Any:
        # asked only for what is not there
        raise AttributeError(f"there is no table '{name}'; there are {self._there}", name=name)

    @property
    def _there(self) -> str:
        return ", ".join(f"'{name}'" for name in vars(self)) or "none"
