"""Packs an object for another process, or says which part of it cannot be sent, and what to do."""

from __future__ import annotations

import io
import itertools
import sys
from collections.abc import Callable, Sequence
from functools import partial
from types import FunctionType
from typing import Any

from rios_flows import rioserrors
from rios_flows.workers.travel.carrying import LeftOut, Pickler, going_by_value, members
from rios_flows.workers.travel.obstacles import Obstacle, Place, Search, description
from rios_flows.workers.travel.references import members_used


def packed(obj: Any, starts: Callable[[], Sequence[Place]]) -> bytes:
    """Pickle an object; modules, functions and classes of the caller's script go by value.

    A module may have members that cannot be pickled, and stay behind, unless something uses them.

    Parameters
    ----------
    obj : object
        The object.
    starts : callable
        Returns the parts of it to look at if it cannot be pickled.

    Raises
    ------
    ParameterError
        If it cannot be pickled; the message names the smallest part to blame.
    """
    with going_by_value() as by_value:
        left_out: dict[str, frozenset[str]] = {}
        while True:
            try:
                data, functions = _dumps(by_value, left_out, obj)
            except MemoryError:
                raise
            except Exception as error:
                _leave_out(partial(_dumps, by_value, left_out), starts(), left_out, error)
            else:
                _refuse_missing(partial(_dumps, by_value, {}), left_out, functions)
                return data


def _dumps(
    by_value: frozenset[str], left_out: LeftOut, obj: Any
) -> tuple[bytes, list[FunctionType]]:
    with io.BytesIO() as file:
        pickler = Pickler(file, by_value, left_out)
        pickler.dump(obj)
        return file.getvalue(), pickler.functions


def _leave_out(
    dumps: Callable[[Any], object],
    starts: Sequence[Place],
    left_out: dict[str, frozenset[str]],
    error: Exception,
) -> None:
    """Leave out members of the module that is in the way; refuse if it is no module."""
    search = Search(dumps)
    found = search.find(starts)
    if found is None:
        found = Obstacle(Place("the job", starts), error)
    module = found.place.module
    failing = search.failing(members(sys.modules[module])) if module else frozenset()
    if not failing - left_out.get(module, frozenset()):
        raise _refusal(found) from found.error
    left_out[module] = failing | left_out.get(module, frozenset())


def _refuse_missing(
    dumps: Callable[[Any], object], left_out: LeftOut, functions: Sequence[FunctionType]
) -> None:
    """Refuse if a function uses a member that would stay behind."""
    used = itertools.chain.from_iterable(map(members_used, functions if left_out else ()))
    for module, member in used:
        if member in left_out.get(module, ()):
            start = Place(f"{module}.{member}", vars(sys.modules[module])[member])
            found = Search(dumps).find([start])
            if found is not None:
                raise _refusal(found) from found.error


def _refusal(found: Obstacle) -> rioserrors.ParameterError:
    place, error = found.place, found.error
    if isinstance(error, rioserrors.ParameterError):
        # an object of ours, which says what to do
        return rioserrors.ParameterError(str(error))
    if isinstance(error.__cause__ or error, RecursionError):
        return rioserrors.ParameterError(
            f"{place} cannot be sent to compute workers: it is nested too deeply; use a list, an "
            "array or a dictionary in place of objects that each refer to the next"
        )
    advice = "make it inside the user function"
    if place.origin.startswith("otherArgs"):
        advice += ", or keep it out of otherArgs"
    return rioserrors.ParameterError(
        f"{place} ({description(place.value)}) cannot be sent to compute workers: "
        f"{str(error).rstrip('.')}; {advice}"
    )
