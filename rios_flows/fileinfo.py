"""Facts about raster and vector files, under RIOS's names."""

from rios_flows.files.info import *  # noqa: F403
from rios_flows.files.info import __all__ as __all__
