"""RIOS's constants are this program's own defaults."""

from __future__ import annotations

from rios_flows.controls import const
from rios_flows.controls.controls import ApplierControls


def test_constants_are_what_controls_start_with() -> None:
    # both take what the environment says into account
    controls = ApplierControls()
    assert controls.windowxsize == const.DEFAULTWINDOWXSIZE
    assert controls.windowysize == const.DEFAULTWINDOWYSIZE
    assert controls.overlap == const.DEFAULTOVERLAP
    assert controls.footprint == const.DEFAULTFOOTPRINT
    assert controls.overviewLevels == const.DEFAULT_OVERVIEWLEVELS
    assert controls.overviewMinDim == const.DEFAULT_MINOVERVIEWDIM
    assert controls.resampleMethod == const.DEFAULT_RESAMPLEMETHOD


def test_rios_numbers_of_footprints() -> None:
    assert (const.INTERSECTION, const.UNION, const.BOUNDS_FROM_REFERENCE) == (0, 1, 2)


def test_creation_options_are_those_of_the_driver() -> None:
    assert const.dfltDriverOptions.get(const.DEFAULTDRIVERNAME, []) == const.DEFAULTCREATIONOPTIONS
    assert all("=" in option for option in const.DEFAULTCREATIONOPTIONS)
