"""Files that GDAL keeps beside a raster."""

from __future__ import annotations

import os

#: By what they add to its name.
SIDECARS = (".aux.xml", ".ovr", ".msk")

#: The same for HFA, by what they put in place of the raster's ending.
HFA_SIDECARS = (".ige", ".rrd")


def sidecars_of(name: str, driver: str) -> set[str]:
    """Return the names of the files that may lie beside a raster.

    Parameters
    ----------
    name : str
        Name of the raster, with or without its directory.
    driver : str
        GDAL's short name of its driver.
    """
    names = {name + ending for ending in SIDECARS}
    if driver == "HFA":
        names |= {os.path.splitext(name)[0] + ending for ending in HFA_SIDECARS}
    return names
