"""The first argument of the user function, ``info``: facts about its block."""

from rios_flows.files import info as fileinfo
from rios_flows.geometry import positions as imageio
from rios_flows.runs.blockinfo import ReaderInfo

__all__ = ["ReaderInfo", "fileinfo", "imageio"]
