"""Facts about raster and vector files, under RIOS's names."""

from typing import TYPE_CHECKING

from rios_flows.basics.gone import instead_of
from rios_flows.files.info import *  # noqa: F403
from rios_flows.files.info import __all__ as __all__

if not TYPE_CHECKING:
    __getattr__ = instead_of(__name__)
