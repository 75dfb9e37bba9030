"""A module of RIOS 1: every name in it raises an error that says what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rios_flows.basics.gone import instead_of

if not TYPE_CHECKING:
    __getattr__ = instead_of(__name__)
