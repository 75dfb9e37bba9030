"""Apply a function block by block over rasters: RIOS's interface, a new engine, Prefect around it.

``rios_flows.apply`` goes from files to files in one line. ``from rios_flows import applier`` runs
jobs in RIOS's spelling as Prefect flows, ``from rios_flows import engine`` without Prefect.
Importing only this package imports none of them.
"""

from typing import TYPE_CHECKING

from rios_flows.basics.gone import instead_of, tell_of_modules
from rios_flows.version import RIOS_VERSION, VersionObj, __version__

if TYPE_CHECKING:
    from rios_flows.controls.concurrency import ConcurrencyStyle
    from rios_flows.front.applying import apply
    from rios_flows.front.zonal import zonal
    from rios_flows.geometry.pixelgriddefn import PixelGridDefn
    from rios_flows.inputs.raster import Raster

__all__ = [
    "RIOS_VERSION",
    "ConcurrencyStyle",
    "PixelGridDefn",
    "Raster",
    "VersionObj",
    "__version__",
    "apply",
    "zonal",
]

tell_of_modules(__name__)

if not TYPE_CHECKING:
    _LAZY = {
        "apply": "rios_flows.front.applying",
        "ConcurrencyStyle": "rios_flows.controls.concurrency",
        "PixelGridDefn": "rios_flows.geometry.pixelgriddefn",
        "Raster": "rios_flows.inputs.raster",
        "zonal": "rios_flows.front.zonal",
    }
    _missing = instead_of(__name__)

    def __getattr__(name):
        """Import what is asked for; say what to write in place of what is gone."""
        if name not in _LAZY:
            return _missing(name)
        from importlib import import_module

        found = globals()[name] = getattr(import_module(_LAZY[name]), name)
        return found

    def __dir__():
        return sorted({*globals(), *_LAZY})
