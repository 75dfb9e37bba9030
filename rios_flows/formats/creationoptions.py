"""Creation options as a user gives them: taken apart, and checked against what the driver knows."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence

from rios_flows import rioserrors
from rios_flows.formats.drivers import Driver, find_driver
from rios_flows.formats.known import DEFAULTS

logger = logging.getLogger(__name__)

#: Between two options in one string.
_NEXT = re.compile(r"\s+(?=[A-Za-z]\w*\s*=)")


def parse_options(options: Sequence[str], what: str, driver: Driver) -> dict[str, str]:
    """Return the value of each option, by its name in capitals; warn of unknown ones."""
    chosen: dict[str, str] = {}
    for option in (one for text in options for one in _apart(text, driver)):
        name, equals, value = option.partition("=")
        if not equals:
            raise rioserrors.ParameterError(
                f"setCreationOptions: '{option}' of output {what} is not NAME=VALUE"
            )
        name, value = name.strip().upper(), value.strip()
        if _is_unknown(name, value, driver):
            _warn_of_unknown(name, what, driver)
            continue
        _check_value(name, value, what, driver)
        chosen[name] = value
    return chosen


def _apart(text: str, driver: Driver) -> Iterator[str]:
    """Split a string into the options that it holds."""
    option = ""
    for part in _NEXT.split(text.strip()):
        if option and not _goes_on(option, part, driver):
            yield option
            option = ""
        option = f"{option} {part}" if option else part
    yield option


def _goes_on(option: str, part: str, driver: Driver) -> bool:
    """Tell whether a part continues the text of an option, and is not an option itself."""
    known = driver.options.get(_name(option))
    return known is not None and known.is_text and _name(part) not in driver.options


def _name(option: str) -> str:
    return option.partition("=")[0].strip().upper()


def _is_unknown(name: str, value: str, driver: Driver) -> bool:
    if name not in driver.options:
        # some drivers list none
        return bool(driver.options)
    # COMPRESS of HFA is an older name of COMPRESSED; with LZW it is GTiff's
    return driver.options[name].is_alias and not driver.options[name].takes(value)


def _check_value(name: str, value: str, what: str, driver: Driver) -> None:
    """Refuse a value that GDAL would leave out with only a warning."""
    option = driver.options.get(name)
    if option is not None and not option.takes(value):
        raise rioserrors.ParameterError(
            f"setCreationOptions: {name}={value} of output {what} is not right: {driver.name} "
            f"takes {option.describe()}"
        )


def _warn_of_unknown(name: str, what: str, driver: Driver) -> None:
    # here, since only this warning needs it
    import difflib

    known = _names(driver)
    near = difflib.get_close_matches(name, known, 1, 0.75)
    owners = [other for other in DEFAULTS if name in _names(find_driver(other))]
    advice = []
    if owners:
        advice.append(f"{'/'.join(owners)} has it")
    if near:
        advice.append(f"is {near[0]} meant?")
    logger.warning(
        "setCreationOptions: %s has no option %s (output %s), and it is left out; %s",
        driver.name,
        name,
        what,
        "; ".join(advice) or f"there are {', '.join(sorted(known))}",
    )


def _names(driver: Driver | None) -> Sequence[str]:
    if driver is None:
        return ()
    return [name for name, option in driver.options.items() if not option.is_alias]
