"""Amounts in words: how many, and how much."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Write a number of things, as "1 block" or "1,200 blocks"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def scaled(value: float, unit: str) -> str:
    """Write a size with a suitable prefix, powers of 1,000."""
    for limit, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.1f} {prefix}{unit}"
    return f"{value:.0f} {unit}"
