"""Attribute tables: their columns, and colour tables as rows of numbers."""

from rios_flows.files import colorrows, columns
from rios_flows.files.colorrows import *  # noqa: F403
from rios_flows.files.columns import *  # noqa: F403

__all__: list[str] = []
__all__ += colorrows.__all__
__all__ += columns.__all__
