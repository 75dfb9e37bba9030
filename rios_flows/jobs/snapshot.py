"""The state of ``otherArgs``: kept before something is tried, and put back where that failed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from rios_flows import rioserrors
from rios_flows.basics.objectstate import UNCHANGING, NotRestorableError, parts_of

#: How an object is reached: from where, and by which step; None from nowhere.
Path = tuple[Any, str] | None


class Snapshot:
    """The state of ``otherArgs`` before an attempt, to go back to when it fails.

    Each object that it refers to, at any depth, stays the same object: others may hold it, too. A
    ParameterError names a part whose state cannot be put back.
    """

    def __init__(self, other_args: Any) -> None:
        self._restores: list[Callable[[], None]] = []
        # the objects are kept, too: another one may get the number of one that is gone
        self._seen: dict[int, Any] = {}
        waiting: deque[tuple[Any, Path]] = deque([(other_args, (None, "otherArgs"))])
        while waiting:
            value, path = waiting.popleft()
            if type(value) in UNCHANGING or id(value) in self._seen:
                continue
            self._seen[id(value)] = value
            try:
                for part in parts_of(value):
                    if part.restore is not None:
                        self._restores.append(part.restore)
                    waiting.extend((child, (path, step)) for step, child in part.children)
            except NotRestorableError as error:
                raise _refusal(_written(path), error) from error

    def restore(self) -> None:
        """Drop what happened since; may be called again, after a further try."""
        try:
            # what is inside comes first: a set asks its items where they belong
            for restore in reversed(self._restores):
                restore()
        except NotRestorableError as error:
            raise _refusal("a part of otherArgs", error) from error


def _written(path: Path) -> str:
    steps = []
    while path is not None:
        path, step = path
        steps.append(step)
    return "".join(reversed(steps))


def _refusal(where: str, error: NotRestorableError) -> rioserrors.ParameterError:
    return rioserrors.ParameterError(
        f"setBlockRetries: {where} cannot be put back after a failed try ({error}); keep it "
        "outside of otherArgs, or set userFunction=0"
    )
