"""Apply a function block by block over rasters: RIOS's interface, a new engine, Prefect around it.

``from rios_flows import applier`` runs jobs as Prefect flows; ``from rios_flows import engine``
runs the same jobs without Prefect. Importing this package alone imports neither.
"""

from rios_flows.version import __version__

__all__ = ["__version__"]
