"""Environment variables: read when controls are made, and refused by name and value."""

from __future__ import annotations

import warnings

import pytest

from rios_flows.controls.controls import ApplierControls
from rios_flows.controls.environment import creation_options
from rios_flows.controls.held import changed
from rios_flows.controls.options import CONTROLS
from rios_flows.rioserrors import ParameterError


def test_built_in_defaults_without_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIOS_DFLT_OVERLAP", "")
    monkeypatch.setenv("RIOS_DFLT_DRIVER", " ")
    assert changed(ApplierControls()) == {}
    assert creation_options() == {}


@pytest.mark.parametrize(
    ("name", "text", "control", "value"),
    [
        ("RIOS_DFLT_BLOCKXSIZE", "512", "windowxsize", 512),
        ("RIOS_DFLT_BLOCKYSIZE", "128", "windowysize", 128),
        ("RIOS_DFLT_OVERLAP", "2", "overlap", 2),
        ("RIOS_DFLT_FOOTPRINT", "2", "footprint", 2),
        ("RIOS_DFLT_DRIVER", "GTiff", "drivername", "GTiff"),
        ("RIOS_DFLT_OVERVIEWLEVELS", "2, 4,8", "overviewLevels", [2, 4, 8]),
        ("RIOS_DFLT_MINOVERLEVELDIM", "33", "overviewMinDim", 33),
        ("RIOS_DFLT_OVERVIEWAGGTYPE", "average", "overviewAggType", "AVERAGE"),
        ("RIOS_DFLT_AUTOCOLORTABLETYPE", "gray", "autoColorTableType", "gray"),
        ("RIOS_DFLT_AUTOCOLORTABLETYPE", "None", "autoColorTableType", None),
    ],
)
def test_every_variable_is_honoured(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, control: str, value: object
) -> None:
    monkeypatch.setenv(name, text)
    assert getattr(ApplierControls(), control) == value
    variable = CONTROLS[control].variable
    assert variable is not None
    assert variable.name == name


def test_creation_options_by_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIOS_DFLT_CREOPT_GTiff", "COMPRESS=LZW TILED=YES")
    monkeypatch.setenv("RIOS_DFLT_CREOPT_HFA", "None")
    assert creation_options() == {"GTiff": ("COMPRESS=LZW", "TILED=YES"), "HFA": ()}


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("RIOS_DFLT_BLOCKXSIZE", "0", "a whole number of at least 1"),
        ("RIOS_DFLT_BLOCKYSIZE", "large", "a whole number of at least 1"),
        ("RIOS_DFLT_BLOCKYSIZE", "256.5", "a whole number of at least 1"),
        ("RIOS_DFLT_OVERLAP", "-1", "a whole number of at least 0"),
        ("RIOS_DFLT_FOOTPRINT", "3", "0 (INTERSECTION), 1 (UNION)"),
        ("RIOS_DFLT_OVERVIEWLEVELS", "4,x", "whole numbers above 1 with commas"),
        ("RIOS_DFLT_OVERVIEWLEVELS", "1,2", "whole numbers above 1 with commas"),
        ("RIOS_DFLT_MINOVERLEVELDIM", "none", "a whole number of at least 1"),
        ("RIOS_DFLT_OVERVIEWAGGTYPE", "MEAN", "one of NEAREST, AVERAGE"),
        ("RIOS_DFLT_AUTOCOLORTABLETYPE", "blue", "one of rainbow, gray, random or None"),
        ("RIOS_DFLT_CREOPT_GTiff", "COMPRESS", "NAME=VALUE pairs with spaces between them"),
    ],
)
def test_bad_value_is_refused_by_name_and_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, wanted: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ParameterError) as raised:
        ApplierControls()
    message = str(raised.value)
    assert message.startswith(f"The environment variable {name}='{value}' is not {wanted}")
    assert message.endswith("; correct it or unset it")


def test_the_deprecated_variable_holds_for_the_default_driver(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RIOS_DFLT_DRIVEROPTIONS", "COMPRESSED=NO")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        controls = ApplierControls()
    assert controls._creation_defaults == {"HFA": ("COMPRESSED=NO",)}
    (warning,) = told
    assert warning.category is FutureWarning
    assert "set RIOS_DFLT_CREOPT_HFA" in str(warning.message)
    # whose line it is
    assert warning.filename == __file__


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
