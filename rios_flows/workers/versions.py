"""The versions of what makes pixels and pickles: whether a worker's fit those of the run."""

from __future__ import annotations

import platform
import re
import sys
from dataclasses import dataclass, fields
from importlib.metadata import PackageNotFoundError, version

from rios_flows import rioserrors
from rios_flows.version import __version__

#: How many numbers of a version must be equal; 0 for the whole text.
_DECISIVE = {
    "python": 2,
    "numpy": 2,
    "rasterio": 2,
    "gdal": 2,
    "rios_flows": 0,
    "cloudpickle": 2,
    "byte_order": 0,
}

_NAMES = {"python": "Python", "gdal": "GDAL", "byte_order": "byte order"}


@dataclass(frozen=True, slots=True)
class Versions:
    """What a process runs with.

    Attributes
    ----------
    python, numpy, rasterio, gdal, rios_flows, cloudpickle : str
        Versions; empty for a package that is not installed.
    byte_order : str
        That of the processor: little or big.
    """

    python: str
    numpy: str
    rasterio: str
    gdal: str
    rios_flows: str
    cloudpickle: str
    byte_order: str


def here() -> Versions:
    """Return the versions of this process."""
    # whoever reads or computes blocks has these
    import numpy
    import rasterio

    try:
        cloudpickle = version("cloudpickle")
    except PackageNotFoundError:
        cloudpickle = ""
    return Versions(
        platform.python_version(),
        numpy.__version__,
        rasterio.__version__,
        rasterio.__gdal_version__,
        __version__,
        cloudpickle,
        sys.byteorder,
    )


def compare(main: Versions, worker: Versions, host: str) -> str | None:
    """Compare the versions of a worker with those of the run.

    Parameters
    ----------
    main, worker : Versions
        Of the two processes.
    host : str
        The worker's, for the message.

    Returns
    -------
    str or None
        What to warn of; None if they are equal.

    Raises
    ------
    JobMgrError
        If pixels or pickles could differ.
    """
    different = [
        (field.name, getattr(main, field.name), getattr(worker, field.name))
        for field in fields(Versions)
        if getattr(main, field.name) != getattr(worker, field.name)
    ]
    decisive = [difference for difference in different if _is_decisive(*difference)]
    if decisive:
        raise rioserrors.JobMgrError(
            f"The worker on {host} has {_told(decisive)}: pixels or pickles could differ; start "
            "workers in the same Python environment as the run, or in one with these versions"
        )
    if different:
        return (
            f"The worker on {host} has {_told(different)}; give it the same versions to be certain "
            "that all pixels are made in the same way"
        )
    return None


def _is_decisive(name: str, mine: str, its: str) -> bool:
    count = _DECISIVE[name]
    return not count or _numbers(mine)[:count] != _numbers(its)[:count]


def _numbers(text: str) -> list[str]:
    return re.findall(r"\d+", text)


def _told(different: list[tuple[str, str, str]]) -> str:
    return ", ".join(
        f"{_NAMES.get(name, name)} {its or 'missing'} (the run has {mine or 'none'})"
        for name, mine, its in different
    )
