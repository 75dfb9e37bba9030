"""What ratapplier.apply is given, looked at before and after the function has run."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from typing import Any, Protocol

from rios_flows import rioserrors
from rios_flows.gdal.pamoptions import option_that_hides
from rios_flows.tables.blocks import RatAssociations
from rios_flows.tables.handles import AnyHandle

logger = logging.getLogger(__name__)


class Output(Protocol):
    """An output, with the names of the columns that the function has set."""

    name: str
    handle: AnyHandle

    @property
    def column_names(self) -> list[str]:
        """The columns, by the user's names."""


def check_arguments(function: Any, **tables: Any) -> None:
    """Raise ParameterError if the function or the tables are none."""
    if not callable(function):
        raise rioserrors.ParameterError(f"ratapplier.apply: {function!r} is no function")
    for name, given in tables.items():
        if not isinstance(given, RatAssociations):
            raise rioserrors.ParameterError(
                f"ratapplier.apply: {name} is {given!r}; give a RatAssociations, be it an empty one"
            )


def file_of(handle: AnyHandle) -> object:
    """Return what is the same for all names of one file."""
    try:
        found = os.stat(handle.filename)
    except OSError:
        return os.path.realpath(handle.filename)
    return found.st_dev, found.st_ino


def check_once(outputs: Iterable[Output]) -> None:
    """Raise if two outputs are one table, and both have a column of some name."""
    seen: dict[object, str] = {}
    for output in outputs:
        # of links to one file, each may have a side-car file
        table = (os.path.realpath(output.handle.filename), getattr(output.handle, "layernum", 0))
        for column in output.column_names:
            other = seen.setdefault((table, column), output.name)
            if other != output.name:
                raise rioserrors.AttributeTableColumnError(
                    f"column '{column}' is set on the outputs '{other}' and '{output.name}', which "
                    f"are one table, {output.handle!r}; set it on one of them"
                )


def tell_empty(rows: int, names: Iterable[str]) -> None:
    """Warn if there is no row for the function."""
    told = ", ".join(f"'{name}'" for name in names)
    if told and not rows:
        hiding = option_that_hides()
        logger.warning(
            "ratapplier.apply: the function is not called, since the tables %s have no rows%s",
            *(told, f"; {hiding} hides tables in side-car files" if hiding else ""),
        )
