"""A name of RIOS 1: whatever is asked of it says what to write in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rios_flows.basics.gone import instead_of

if not TYPE_CHECKING:
    __getattr__ = instead_of(__name__)
