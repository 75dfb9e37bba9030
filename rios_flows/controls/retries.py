"""How often what failed is tried again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BlockRetries:
    """How often a block is tried again; writing never is."""

    user_function: int = 0
    io: int = 2
    delay: float = 0.5  # before a further try (s)
