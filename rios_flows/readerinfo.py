"""What the user function is told of the block in hand: its first argument, ``info``."""

from rios_flows.files import info as fileinfo
from rios_flows.geometry import positions as imageio
from rios_flows.runs.blockinfo import ReaderInfo

__all__ = ["ReaderInfo", "fileinfo", "imageio"]
