"""Output formats: which driver a file gets, and with which creation options."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from rios_flows import rioserrors
from rios_flows.formats.creationoptions import parse_options
from rios_flows.formats.drivers import Driver, creating_drivers, drivers_of, find_driver
from rios_flows.formats.format import Cut, Format
from rios_flows.formats.known import DEFAULTS, FALLBACK, FORMATS, class_of

logger = logging.getLogger(__name__)

_NOT_THERE = "is not in the GDAL that rasterio brings"


def choose_format(
    path: str,
    label: str,
    cut: Cut,
    driver: str | None = None,
    options: Sequence[str] | None = None,
    environment: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Format:
    """Choose the format of one output, or refuse what the user asks for."""
    found = _driver(path, label, driver)
    what, class_ = f"'{label}' ('{path}')", class_of(found.name)
    # options of which the driver knows none, such as those of another driver, count as not given
    for given in (options, _of_environment(found.name, environment)):
        chosen = {} if given is None else parse_options(given, what, found)
        if chosen or given == ():
            break
    else:
        chosen = parse_options(class_.defaults, what, found)
    return class_.of(found.name, chosen, label, cut)


def _driver(path: str, label: str, asked: str | None) -> Driver:
    name = asked or _driver_by_ending(path, label)
    driver = find_driver(name)
    reason = _reason_against(driver)
    if driver is not None and reason is None:
        return driver
    others = (name for name in creating_drivers() if not class_of(name).refusal)
    known = dict.fromkeys((*DEFAULTS, *others))
    raise rioserrors.ParameterError(
        f"setOutputDriverName: driver '{name}' of output '{label}' ('{path}') {reason}. There are "
        f"{', '.join(known)}"
    )


def _driver_by_ending(path: str, label: str) -> str:
    """Return the driver that a file's ending names; HFA for any other, as RIOS has it."""
    ending = os.path.splitext(path)[1].lower()
    usual = next((name for name, known in FORMATS.items() if ending in known.endings), None)
    if usual is not None and find_driver(usual) is not None:
        return usual
    others = drivers_of(ending) if usual is None else (f"{usual}, which {_NOT_THERE}",)
    if others and FALLBACK not in others:
        logger.warning(
            "Output '%s' ('%s') is written as %s, and '%s' is usual for %s; "
            "setOutputDriverName names another driver",
            label,
            path,
            FALLBACK,
            ending,
            "/".join(others),
        )
    return FALLBACK


def _reason_against(driver: Driver | None) -> str | None:
    """Return why a driver cannot be used."""
    copy = "write another, and copy that with rasterio.shutil.copy"
    if driver is None:
        return _NOT_THERE
    known = class_of(driver.name)
    if known.refusal:
        return f"{known.refusal}: {copy}"
    if driver.creates or known.only_copies:
        return None
    return f"makes no file that is written block by block: {copy}"


def _of_environment(driver: str, environment: Mapping[str, Sequence[str]]) -> Sequence[str] | None:
    """Return what the environment, which may spell the driver in any case, has for it."""
    found = [given for name, given in environment.items() if name.upper() == driver.upper()]
    return environment.get(driver, found[0] if found else None)
