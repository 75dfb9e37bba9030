"""A user function that fails at first in one block."""

from __future__ import annotations

from typing import Any

from tests.support.jobs import double

#: The styles in which the caller's own otherArgs is worked on, and those in which copies are.
ALONE = ("none", "none, 2 readers")


SHARED = ("threads 1-1", "threads 2-2")


#: Row and column of the block that fails, among the blocks and in pixels.
BAD = (1, 2)


TOP, LEFT = 32, 64


def is_bad(info: Any) -> bool:
    return bool(info.getBlockCount() == BAD[::-1])


class Unsteady:
    """A user function that doubles, but raises at first in one block."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0

    def __call__(self, info: Any, inputs: Any, outputs: Any, *other: Any) -> None:
        if is_bad(info):
            self.calls += 1
            if self.calls <= self.failures:
                raise ValueError(f"call {self.calls}")
        double(info, inputs, outputs)
