"""Colour tables as rows of numbers, the way RIOS keeps them with raster attribute tables."""

from typing import TYPE_CHECKING

from rios_flows.basics.gone import instead_of
from rios_flows.files.colorrows import *  # noqa: F403
from rios_flows.files.colorrows import __all__ as __all__

if not TYPE_CHECKING:
    __getattr__ = instead_of(__name__)
