"""Creation options taken apart, and held against what the driver knows."""

from __future__ import annotations

import logging

import pytest

from rios_flows.formats.creationoptions import parse_options
from rios_flows.formats.drivers import Driver, Option
from rios_flows.rioserrors import ParameterError

DRIVER = Driver(
    "Made",
    True,
    {
        "COMPRESS": Option("string-select", ("LZW", "DEFLATE")),
        "LEVEL": Option("int", lowest=1, highest=9),
        "TITLE": Option("string"),
        "PACK": Option("string-select", ("YES", "NO"), is_alias=True),
    },
)


def parsed(*options: str, driver: Driver = DRIVER) -> dict[str, str]:
    return parse_options(options, "'a'", driver)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["compress = lzw", "LEVEL=3"], {"COMPRESS": "lzw", "LEVEL": "3"}),
        (["COMPRESS=LZW LEVEL=3"], {"COMPRESS": "LZW", "LEVEL": "3"}),
        # a text may look like an option, and goes on where no option begins
        (["TITLE=a = b LEVEL=3"], {"TITLE": "a = b", "LEVEL": "3"}),
        (["LEVEL=3", "LEVEL=4"], {"LEVEL": "4"}),
        (["PACK=yes"], {"PACK": "yes"}),
        ([], {}),
    ],
)
def test_several_options(options: list[str], found: dict[str, str]) -> None:
    assert parsed(*options) == found


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("COMPRESS", "'COMPRESS' of output 'a' is not NAME=VALUE"),
        ("COMPRESS=ZIP", "COMPRESS=ZIP of output 'a' is not right: Made takes LZW, DEFLATE"),
        ("LEVEL=10", "LEVEL=10 of output 'a' is not right: Made takes a whole number from 1 up"),
        ("LEVEL=2.5", "LEVEL=2.5"),
    ],
)
def test_what_is_refused(option: str, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        parsed(option)


@pytest.mark.parametrize(
    ("option", "advice"),
    [
        ("LEVELS=3", "is LEVEL meant?"),
        ("ZLEVEL=3", "GTiff has it; is LEVEL meant?"),
        ("OTHER=3", "there are COMPRESS, LEVEL, TITLE"),
        # an older name that has other values
        ("PACK=LZW", "there are COMPRESS, LEVEL, TITLE"),
    ],
)
def test_what_is_left_out_and_told_of(
    option: str, advice: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert parsed(option, "LEVEL=3") == {"LEVEL": "3"}
    name = option.partition("=")[0]
    [told] = caplog.messages
    assert told == (
        f"setCreationOptions: Made has no option {name} (output 'a'), and it is left out; {advice}"
    )


def test_a_driver_that_tells_of_no_options_gets_all() -> None:
    assert parsed("A=1", driver=Driver("Silent", True, {})) == {"A": "1"}
