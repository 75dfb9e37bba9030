"""How often what failed is tried again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BlockRetries:
    """How often a block is tried again.

    Attributes
    ----------
    user_function : int
        Further tries after the user function raised.
    io : int
        Further tries after reading failed; writing is not tried again.
    delay : float
        Wait before a further try (s).
    """

    user_function: int = 0
    io: int = 2
    delay: float = 0.5
