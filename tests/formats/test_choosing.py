"""Which driver a file gets, and whose creation options count."""

from __future__ import annotations

import logging

import pytest

from rios_flows.formats.choosing import choose_format
from rios_flows.formats.format import Cut, Format
from rios_flows.rioserrors import ParameterError

CUT = Cut((64, 64), (200, 100))


def chosen(path: str = "a.tif", **more: object) -> Format:
    return choose_format(path, "a", CUT, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "driver"),
    [("a.tif", "GTiff"), ("a.TIFF", "GTiff"), ("a.img", "HFA"), ("a.zarr", "Zarr"), ("a", "HFA")],
)
def test_the_ending_names_the_driver(path: str, driver: str) -> None:
    assert chosen(path).driver == driver


def test_the_user_names_the_driver_in_any_case() -> None:
    assert chosen("a.tif", driver="hfa").driver == "HFA"


def test_an_unusual_ending_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert chosen("a.kea").driver == "HFA"
        assert chosen("a.img").driver == "HFA"
    [told] = caplog.messages
    assert "('a.kea') is written as HFA, and '.kea' is usual for KEA" in told


@pytest.mark.parametrize(
    ("driver", "words"),
    [
        ("Nothing", "is not in the GDAL that rasterio brings"),
        ("MBTiles", "keeps other pixels and bands than it is given"),
        ("PNG", "makes no file that is written block by block"),
    ],
)
def test_drivers_that_are_refused(driver: str, words: str) -> None:
    with pytest.raises(ParameterError, match=words) as caught:
        chosen(driver=driver)
    assert str(caught.value).startswith(f"setOutputDriverName: driver '{driver}' of output 'a' (")
    assert "There are GTiff, HFA, COG" in str(caught.value)


def test_options_of_the_user_then_the_environment_then_the_format() -> None:
    environment = {"gtiff": ["COMPRESS=LZW"]}
    assert chosen().compression == "DEFLATE"
    assert chosen(environment=environment).compression == "LZW"
    asked = chosen(options=["COMPRESS=ZSTD"], environment=environment)
    assert (asked.compression, asked.is_on("TILED")) == ("ZSTD", False)
    # none at all, as the user asked
    assert chosen(options=(), environment=environment).options == {}
    # those that are another driver's count for nothing
    assert chosen(options=["IGNOREUTM=YES"]).compression == "DEFLATE"
