"""Output formats: which driver a file gets, and with which creation options."""

from __future__ import annotations

import logging
import os
from typing import NamedTuple

from rios_flows import rioserrors
from rios_flows.basics.defaults import DEFAULT_CREATION_OPTIONS, FALLBACK_DRIVER
from rios_flows.basics.forks import without_threads
from rios_flows.controls.options import OutputOptions
from rios_flows.formats.creationoptions import parse_options
from rios_flows.formats.drivers import Driver, creating_drivers, drivers_of, find_driver
from rios_flows.formats.lossiness import YES, Limits, limits_of, lossy_option, makes_others

logger = logging.getLogger(__name__)

#: Driver by the ending of the file name, where none was asked for.
DRIVER_BY_EXTENSION = {
    ".tif": "GTiff",
    ".tiff": "GTiff",
    ".img": "HFA",
    ".zarr": "Zarr",
    ".kea": "KEA",
}

#: Drivers that can only copy a finished file, and the creation options of a file to copy from.
WORKING_OPTIONS = {
    "COG": {
        "TILED": "YES",
        "COMPRESS": "DEFLATE",
        "ZLEVEL": "1",
        "INTERLEAVE": "BAND",
        "BIGTIFF": "IF_SAFER",
    },
}

#: Drivers whose files have no room for overviews.
WITHOUT_OVERVIEWS = ("Zarr",)

#: Drivers whose files are directories.
DIRECTORIES = ("Zarr",)

#: Drivers whose files do not read back as they were written: lossy tiles, other bands.
UNFAITHFUL = ("GPKG", "MBTiles")

#: Least and greatest LEVEL of a COG, by the end of its COMPRESS.
_COG_LEVELS = {"DEFLATE": (1, 12), "ZSTD": (1, 22), "LZMA": (0, 9)}

#: Options of the driver COG by which pixels would go to another grid.
_WARPING = ("TILING_SCHEME", "TARGET_SRS", "RES", "EXTENT")

_NOT_THERE = "is not in the GDAL that rasterio brings"

#: GDAL's tile of a tiled GTiff, and its bound on one (pixels).
GTIFF_TILE = 256
LARGEST_TILE = 4096

#: Numpy types that a driver cannot hold.
MISSING_DTYPES = {"HFA": ("int64", "uint64")}


class Format(NamedTuple):
    """Driver and creation options of one output.

    Attributes
    ----------
    driver : str
        GDAL's short name.
    options : dict
        Value of each creation option, by its name in capitals.
    working_options : dict or None
        Where the driver can only copy: creation options of the GTiff that it copies from.
    """

    driver: str
    options: dict[str, str]
    working_options: dict[str, str] | None = None

    @property
    def written(self) -> tuple[str, dict[str, str]]:
        """Driver and creation options of the file that blocks are written to."""
        if self.working_options is None:
            return self.driver, self.options
        return "GTiff", self.working_options

    def lossy_option(self, dtype: str) -> str | None:
        """Return the option by which pixels of a type get other values; None without one."""
        return lossy_option(self.driver, self.options, dtype)

    def limits(self, dtype: str) -> Limits | None:
        """Return which values of a type are held; None where it is all of them."""
        return limits_of(self.driver, self.options, dtype)

    def makes_others(self, dtype: str, bands: int) -> bool:
        """Tell whether quite other numbers come out of the file."""
        return makes_others(self.driver, self.options, dtype, bands)


def format_of(
    path: str, label: str, options: OutputOptions, window: tuple[int, int], size: tuple[int, int]
) -> Format:
    """Choose driver and creation options of one output.

    Parameters
    ----------
    path, label : str
        File, and what messages call it.
    options : OutputOptions
        What the user asked for.
    window, size : tuple of int
        Width and height of a block and of the whole output (pixels).

    Raises
    ------
    ParameterError
        If a creation option is not NAME=VALUE, or the driver does not take its value; or there is
        no such driver, or it cannot be used.
    """
    driver = _driver(path, label, options)
    chosen = _options(driver, options, f"'{label}' ('{path}')")
    if driver.name == "GTiff":
        chosen = _gtiff_options(chosen, label, window, size)
    elif driver.name == "COG":
        _check_not_warping(chosen, label)
        _check_level(chosen, label)
        # those of the file that it copies: made from each output's own pixels
        chosen.setdefault("OVERVIEWS", "FORCE_USE_EXISTING")
        chosen.setdefault("NUM_THREADS", "ALL_CPUS")
    elif driver.name == "Zarr":
        chosen.setdefault("BLOSC_NUM_THREADS", "ALL_CPUS")
    working = None
    if driver.name in WORKING_OPTIONS:
        from_these = dict(WORKING_OPTIONS[driver.name])
        working = without_threads(_gtiff_options(from_these, label, window, size))
    return Format(driver.name, without_threads(chosen), working)


def _driver(path: str, label: str, options: OutputOptions) -> Driver:
    name = options.driver or _driver_by_ending(path, label)
    driver = find_driver(name)
    reason = _reason_against(driver)
    if driver is not None and reason is None:
        return driver
    first = [*DEFAULT_CREATION_OPTIONS]
    others = tuple(name for name in creating_drivers() if name not in (*first, *UNFAITHFUL))
    raise rioserrors.ParameterError(
        f"setOutputDriverName: driver '{name}' of output '{label}' ('{path}') {reason}. There are "
        f"{', '.join((*first, *others))}"
    )


def _driver_by_ending(path: str, label: str) -> str:
    """Return the driver that a file's ending names; HFA for any other, as RIOS has it."""
    ending = os.path.splitext(path)[1].lower()
    usual = DRIVER_BY_EXTENSION.get(ending)
    if usual is not None and find_driver(usual) is not None:
        return usual
    others = drivers_of(ending) if usual is None else (f"{usual}, which {_NOT_THERE}",)
    if others and FALLBACK_DRIVER not in others:
        logger.warning(
            "Output '%s' ('%s') is written as %s, and '%s' is usual for %s; "
            "setOutputDriverName names another driver",
            label,
            path,
            FALLBACK_DRIVER,
            ending,
            "/".join(others),
        )
    return FALLBACK_DRIVER


def _reason_against(driver: Driver | None) -> str | None:
    """Return why a driver cannot be used."""
    copy = "write another, and copy that with rasterio.shutil.copy"
    if driver is None:
        return _NOT_THERE
    if driver.name in UNFAITHFUL:
        return f"keeps other pixels and bands than it is given: {copy}"
    if driver.creates or driver.name in WORKING_OPTIONS:
        return None
    return f"makes no file that is written block by block: {copy}"


def _options(driver: Driver, options: OutputOptions, what: str) -> dict[str, str]:
    """Return the user's, else those of the environment, else the built-in.

    Those of which the driver knows none, such as those of another driver, count as not given.
    """
    built_in = DEFAULT_CREATION_OPTIONS.get(driver.name, ())
    for given in (options.creation_options, _of_environment(driver.name, options)):
        chosen = {} if given is None else parse_options(given, what, driver)
        if chosen or given == ():
            return chosen
    return parse_options(built_in, what, driver)


def _of_environment(driver: str, options: OutputOptions) -> tuple[str, ...] | None:
    """Return what the environment, which may spell the driver in any case, has for it."""
    environment = options.default_creation_options
    found = [given for name, given in environment.items() if name.upper() == driver.upper()]
    return environment.get(driver, found[0] if found else None)


def _check_not_warping(options: dict[str, str], label: str) -> None:
    for name in _WARPING:
        if name in options:
            raise rioserrors.ParameterError(
                f"setCreationOptions: {name} of output '{label}' would take its pixels off the "
                "working grid; set a reference image or grid instead"
            )


def _check_level(options: dict[str, str], label: str) -> None:
    """Refuse a LEVEL that the compression does not have; GDAL would take another."""
    if "LEVEL" not in options:
        return
    compression = options.get("COMPRESS", "").upper()
    for ending, (lowest, highest) in _COG_LEVELS.items():
        if compression.endswith(ending) and not lowest <= int(options["LEVEL"]) <= highest:
            raise rioserrors.ParameterError(
                f"setCreationOptions: LEVEL={options['LEVEL']} of output '{label}' is not right: "
                f"COMPRESS={compression} takes a whole number from {lowest} up to {highest}"
            )


def _gtiff_options(
    options: dict[str, str], label: str, window: tuple[int, int], size: tuple[int, int]
) -> dict[str, str]:
    tiled = options.get("TILED", "NO").upper() in YES
    _check_sizes(options, label)
    if tiled:
        options.setdefault("BLOCKXSIZE", str(tile_side(window[0], size[0])))
        options.setdefault("BLOCKYSIZE", str(tile_side(window[1], size[1])))
    chosen = (options.get("COMPRESS", "").upper(), options.get("INTERLEAVE", "").upper())
    if chosen == ("WEBP", "BAND"):
        # GDAL takes the tile of one band for one of all bands
        raise rioserrors.ParameterError(
            f"setCreationOptions: COMPRESS=WEBP of output '{label}' needs INTERLEAVE=PIXEL"
        )
    if "COMPRESS" in options:
        options.setdefault("NUM_THREADS", "ALL_CPUS")
    return options


def tile_side(window: int, size: int) -> int:
    """Return the side of a tile that follows the window (pixels).

    It is the largest multiple of 16 that divides the window, else 256; never much more than the
    raster itself, nor than ``LARGEST_TILE``.
    """
    if window >= size:
        # one block holds the whole side: any tile is written by one block only
        whole = -(-size // 16) * 16
        return whole if whole <= LARGEST_TILE else GTIFF_TILE
    sides = (
        side for side in range(min(window, LARGEST_TILE) // 16 * 16, 0, -16) if window % side == 0
    )
    return next(sides, GTIFF_TILE)


def _check_sizes(options: dict[str, str], label: str) -> None:
    for name in ("BLOCKXSIZE", "BLOCKYSIZE"):
        text = options.get(name, "1")
        if not text.isdigit() or int(text) < 1:
            raise rioserrors.ParameterError(
                f"setCreationOptions: {name}={text} of output '{label}' is not a number of pixels"
            )
