"""What holds where the user says nothing: built-in values, and the RIOS_DFLT_* variables."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from rios_flows.rioserrors import ParameterError, deprecationWarning

#: Footprints: the grid covers what all inputs share, what any of them covers, or the reference.
INTERSECTION = 0
UNION = 1
BOUNDS_FROM_REFERENCE = 2
FOOTPRINTS = (INTERSECTION, UNION, BOUNDS_FROM_REFERENCE)

#: Names of automatic colour tables.
AUTO_COLOR_TABLES = ("rainbow", "gray", "random")

#: Driver of a file whose ending says nothing, as in RIOS.
FALLBACK_DRIVER = "HFA"

#: Creation options of a driver where the user gives none.
DEFAULT_CREATION_OPTIONS = {
    "GTiff": ("TILED=YES", "COMPRESS=DEFLATE", "INTERLEAVE=BAND", "BIGTIFF=IF_SAFER"),
    "HFA": ("COMPRESSED=YES", "IGNOREUTM=YES"),
    "COG": ("COMPRESS=DEFLATE", "BIGTIFF=IF_SAFER"),
    # version 3 as GDAL 3.10 writes it is refused by other programs: it lacks the codec "bytes"
    "Zarr": ("FORMAT=ZARR_V2", "COMPRESS=BLOSC"),
}

#: GDAL's ways to make an overview, but for AVERAGE_MAGPHASE, which rasterio has not.
OVERVIEW_METHODS = (
    "NEAREST",
    "AVERAGE",
    "RMS",
    "BILINEAR",
    "GAUSS",
    "CUBIC",
    "CUBICSPLINE",
    "LANCZOS",
    "MODE",
)

_CREATION_PREFIX = "RIOS_DFLT_CREOPT_"

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Defaults:
    """Values of controls before the user sets any.

    Attributes
    ----------
    window : tuple of int
        Width and height of a block (pixels).
    overlap : int
        Margin on every side of a block (pixels).
    footprint : int
        One of ``FOOTPRINTS``.
    driver : str or None
        GDAL's short name; None to go by the file's extension.
    creation_options : mapping
        Creation options by driver, for the drivers that the environment names.
    overview_levels : tuple of int
        Decimation factors.
    overview_min_dim : int
        What the shorter side of an overview, rounded down, must exceed (pixels).
    overview_method : str or None
        One of ``OVERVIEW_METHODS``; None to let the program choose.
    color_table : str or None
        One of ``AUTO_COLOR_TABLES``, or None.
    """

    window: tuple[int, int] = (256, 256)
    overlap: int = 0
    footprint: int = INTERSECTION
    driver: str | None = None
    creation_options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    overview_levels: tuple[int, ...] = (4, 8, 16, 32, 64, 128, 256, 512)
    overview_min_dim: int = 128
    overview_method: str | None = None
    color_table: str | None = None


def from_environment(environ: Mapping[str, str] | None = None) -> Defaults:
    """Read the RIOS_DFLT_* variables; those not set, or empty, leave the built-in value.

    Parameters
    ----------
    environ : mapping, optional
        In place of ``os.environ``.

    Raises
    ------
    ParameterError
        If a variable holds what it cannot mean.
    """
    variables = os.environ if environ is None else environ
    built_in = Defaults()

    def read(name: str, convert: Callable[[str], _T], default: _T) -> _T:
        text = variables.get(name, "").strip()
        if not text:
            return default
        try:
            return convert(text)
        except ValueError as error:
            raise ParameterError(
                f"The environment variable {name}={text!r} is not {error}; correct it or unset it"
            ) from None

    return Defaults(
        window=(
            read("RIOS_DFLT_BLOCKXSIZE", _positive, built_in.window[0]),
            read("RIOS_DFLT_BLOCKYSIZE", _positive, built_in.window[1]),
        ),
        overlap=read("RIOS_DFLT_OVERLAP", _not_negative, built_in.overlap),
        footprint=read("RIOS_DFLT_FOOTPRINT", _footprint, built_in.footprint),
        driver=read("RIOS_DFLT_DRIVER", str, built_in.driver),
        creation_options=_creation_options(variables),
        overview_levels=read("RIOS_DFLT_OVERVIEWLEVELS", _levels, built_in.overview_levels),
        overview_min_dim=read("RIOS_DFLT_MINOVERLEVELDIM", _positive, built_in.overview_min_dim),
        overview_method=read("RIOS_DFLT_OVERVIEWAGGTYPE", _method, built_in.overview_method),
        color_table=read("RIOS_DFLT_AUTOCOLORTABLETYPE", _color_table, built_in.color_table),
    )


def _creation_options(variables: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    found = {}
    if "RIOS_DFLT_DRIVEROPTIONS" in variables:
        driver = variables.get("RIOS_DFLT_DRIVER") or "HFA"
        deprecationWarning(
            f"RIOS_DFLT_DRIVEROPTIONS is deprecated; set {_CREATION_PREFIX}{driver} instead", 4
        )
        found[driver] = _options("RIOS_DFLT_DRIVEROPTIONS", variables["RIOS_DFLT_DRIVEROPTIONS"])
    for name, text in variables.items():
        if name.startswith(_CREATION_PREFIX):
            found[name.removeprefix(_CREATION_PREFIX)] = _options(name, text)
    return found


def _options(name: str, text: str) -> tuple[str, ...]:
    if text.strip() == "None":
        return ()
    options = tuple(text.split())
    if not all("=" in option for option in options):
        raise ParameterError(
            f"The environment variable {name}={text!r} is not NAME=VALUE pairs with spaces between "
            "them, nor None; correct it or unset it"
        )
    return options


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError("a whole number of at least 1")
    return int(text)


def _not_negative(text: str) -> int:
    if not text.isdecimal():
        raise ValueError("a whole number of at least 0")
    return int(text)


def _footprint(text: str) -> int:
    if text not in map(str, FOOTPRINTS):
        raise ValueError("0 (INTERSECTION), 1 (UNION) or 2 (BOUNDS_FROM_REFERENCE)")
    return int(text)


def _levels(text: str) -> tuple[int, ...]:
    levels = text.replace(",", " ").split()
    if not all(level.isdecimal() and int(level) > 1 for level in levels):
        raise ValueError("whole numbers above 1 with commas between them")
    return tuple(int(level) for level in levels)


def _method(text: str) -> str:
    if text.upper() not in OVERVIEW_METHODS:
        raise ValueError(f"one of {', '.join(OVERVIEW_METHODS)}")
    return text.upper()


def _color_table(text: str) -> str | None:
    if text == "None":
        return None
    if text not in AUTO_COLOR_TABLES:
        raise ValueError(f"one of {', '.join(AUTO_COLOR_TABLES)} or None")
    return text
