"""Progress objects for the command line, with RIOS's methods and a few more."""

from rios_flows.basics.bars import (
    BAR,
    CUIProgressBar,
    GDALProgressBar,
    LogProgressBar,
    SilentProgress,
)

__all__ = [
    "BAR",
    "CUIProgressBar",
    "GDALProgressBar",
    "LogProgressBar",
    "SilentProgress",
]
