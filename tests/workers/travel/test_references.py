"""What functions refer to, as their code tells."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from types import FunctionType
from typing import cast

from rios_flows.workers.travel.references import globals_used, members_used

LIMIT = 3
UNUSED = 4


def limited() -> int:
    return LIMIT


def test_globals_also_of_inner_functions() -> None:
    def outer() -> Callable[[], object]:
        return lambda: (LIMIT, len("a builtin is none"))

    assert globals_used(cast("FunctionType", outer)) == {"LIMIT": LIMIT}


def test_members_of_modules_however_deep() -> None:
    def function() -> object:
        return os.path.join("a", "b"), math.pi, LIMIT.real

    # os.path goes by its own name from there
    assert set(members_used(cast("FunctionType", function))) == {
        ("os", "path"),
        (os.path.__name__, "join"),
        ("math", "pi"),
    }


def test_members_of_a_module_that_a_closure_holds() -> None:
    held = math

    def function() -> float:
        return held.tau

    assert set(members_used(cast("FunctionType", function))) == {("math", "tau")}


def test_an_empty_closure_holds_nothing() -> None:
    def function() -> object:
        return later.pi

    assert list(members_used(cast("FunctionType", function))) == []
    later = math
    assert list(members_used(cast("FunctionType", function))) == [("math", "pi")]
