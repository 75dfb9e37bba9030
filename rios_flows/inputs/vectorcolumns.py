"""Reading only the columns of a layer that are needed, and finding text that cannot be decoded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rios_flows import rioserrors
from rios_flows.gdal.pyogrio import call_pyogrio, not_encoded

# a text in single quotes, a name in double quotes, a bare word
_TOKEN = re.compile(r"""'(?:\\'|''|[^'])*'|"((?:\\"|""|[^"])*)"|(\w+)""")

# how a name is quoted within quotes makes no difference
_ESCAPES = str.maketrans("", "", '"\\')


def needed_columns(
    columns: Sequence[str], attribute: str | None, where: str | None
) -> tuple[str, ...]:
    """Return the column to burn and those that a filter names; GDAL filters only what is read."""
    named = {_plain(quoted or bare) for quoted, bare in _TOKEN.findall(where or "")}
    return tuple(column for column in columns if column == attribute or _plain(column) in named)


def _plain(name: str) -> str:
    return name.translate(_ESCAPES).casefold()


def read_columns(what: str, path: str, layer: str, columns: Sequence[str], **how: Any) -> Any:
    """Read features with some of their columns, as ``pyogrio.raw.read`` gives them."""
    try:
        return call_pyogrio(what, "raw.read", path, layer=layer, columns=list(columns), **how)
    except rioserrors.VectorAttributeError as error:
        for column in columns:
            found = _undecodable(what, path, layer, column)
            if found is not None:
                raise found from error.__cause__
        raise


def _undecodable(
    what: str, path: str, layer: str, column: str
) -> rioserrors.VectorAttributeError | None:
    """Look for the first text of a column that cannot be decoded."""
    here: dict[str, Any] = {"layer": layer, "read_geometry": False}
    _, fids, _, _ = call_pyogrio(what, "raw.read", path, columns=[], return_fids=True, **here)

    def problem(first: int, last: int) -> rioserrors.VectorAttributeError | None:
        span = {"skip_features": first, "max_features": last - first}
        try:
            call_pyogrio(what, "raw.read", path, columns=[column], **span, **here)
        except rioserrors.VectorAttributeError as error:
            return error
        return None

    low, high = 0, len(fids)
    found = problem(low, high)
    while found and high - low > 1:
        middle = (low + high) // 2
        earlier = problem(low, middle)
        low, high = (low, middle) if earlier else (middle, high)
        found = earlier or found
    if not found or not isinstance(found.__cause__, UnicodeDecodeError):
        return None
    return not_encoded(
        f"Column '{column}' of feature {fids[low]} of layer '{layer}' of {what}, for which "
        "setFilterSQL asks, has text that is",
        found.__cause__,
    )
