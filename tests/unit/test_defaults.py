"""Environment variables: read when asked, and refused by name and value."""

from __future__ import annotations

import pytest

from rios_flows.basics.defaults import Defaults, from_environment
from rios_flows.controls.controls import ApplierControls
from rios_flows.rioserrors import ParameterError


def test_built_in_defaults_without_variables() -> None:
    assert from_environment({}) == Defaults()
    assert from_environment({"RIOS_DFLT_OVERLAP": "", "RIOS_DFLT_DRIVER": " "}) == Defaults()


def test_every_variable_is_honoured() -> None:
    found = from_environment(
        {
            "RIOS_DFLT_BLOCKXSIZE": "512",
            "RIOS_DFLT_BLOCKYSIZE": "128",
            "RIOS_DFLT_OVERLAP": "2",
            "RIOS_DFLT_FOOTPRINT": "2",
            "RIOS_DFLT_DRIVER": "GTiff",
            "RIOS_DFLT_CREOPT_GTiff": "COMPRESS=LZW TILED=YES",
            "RIOS_DFLT_CREOPT_HFA": "None",
            "RIOS_DFLT_OVERVIEWLEVELS": "2, 4,8",
            "RIOS_DFLT_MINOVERLEVELDIM": "33",
            "RIOS_DFLT_OVERVIEWAGGTYPE": "average",
            "RIOS_DFLT_AUTOCOLORTABLETYPE": "gray",
        }
    )
    assert found == Defaults(
        window=(512, 128),
        overlap=2,
        footprint=2,
        driver="GTiff",
        creation_options={"GTiff": ("COMPRESS=LZW", "TILED=YES"), "HFA": ()},
        overview_levels=(2, 4, 8),
        overview_min_dim=33,
        overview_method="AVERAGE",
        color_table="gray",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RIOS_DFLT_BLOCKXSIZE", "0"),
        ("RIOS_DFLT_BLOCKYSIZE", "large"),
        ("RIOS_DFLT_BLOCKYSIZE", "256.5"),
        ("RIOS_DFLT_OVERLAP", "-1"),
        ("RIOS_DFLT_FOOTPRINT", "3"),
        ("RIOS_DFLT_OVERVIEWLEVELS", "4,x"),
        ("RIOS_DFLT_OVERVIEWLEVELS", "1,2"),
        ("RIOS_DFLT_MINOVERLEVELDIM", "none"),
        ("RIOS_DFLT_OVERVIEWAGGTYPE", "MEAN"),
        ("RIOS_DFLT_AUTOCOLORTABLETYPE", "blue"),
        ("RIOS_DFLT_CREOPT_GTiff", "COMPRESS"),
    ],
)
def test_bad_value_is_refused_by_name_and_value(name: str, value: str) -> None:
    with pytest.raises(ParameterError, match=f"{name}='{value}'"):
        from_environment({name: value})


def test_the_deprecated_variable_holds_for_the_default_driver() -> None:
    with pytest.warns(FutureWarning, match="set RIOS_DFLT_CREOPT_HFA"):
        found = from_environment({"RIOS_DFLT_DRIVEROPTIONS": "COMPRESSED=NO"})
    assert found.creation_options == {"HFA": ("COMPRESSED=NO",)}


def test_controls_read_the_environment_when_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ApplierControls()
    monkeypatch.setenv("RIOS_DFLT_BLOCKXSIZE", "64")
    monkeypatch.setenv("RIOS_DFLT_OVERLAP", "5")
    monkeypatch.setenv("RIOS_DFLT_DRIVER", "GTiff")
    after = ApplierControls()
    assert (before.windowxsize, before.overlap, before.drivername) == (256, 0, None)
    assert (after.windowxsize, after.overlap, after.drivername) == (64, 5, "GTiff")
    monkeypatch.setenv("RIOS_DFLT_OVERLAP", "wide")
    with pytest.raises(ParameterError, match="RIOS_DFLT_OVERLAP='wide'"):
        ApplierControls()
