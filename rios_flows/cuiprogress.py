"""Progress objects for the command line, with the methods that RIOS calls and a few it does not."""

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
