"""Apply a function block by block over rasters: RIOS's interface, a new engine, Prefect around it.

``from rios_flows import applier`` runs jobs as Prefect flows; ``from rios_flows import engine``
runs the same jobs without Prefect. Importing only this package imports neither.
"""

from typing import TYPE_CHECKING

from rios_flows.basics.gone import instead_of, tell_of_modules
from rios_flows.version import RIOS_VERSION, VersionObj, __version__

__all__ = ["RIOS_VERSION", "VersionObj", "__version__"]

tell_of_modules(__name__)

if not TYPE_CHECKING:
    __getattr__ = instead_of(__name__)
