"""Which statistics and overviews are made in the single pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rios_flows import rioserrors
from rios_flows.actions import Actions, Way, choose_actions
from rios_flows.calcstats import SinglePassManager
from rios_flows.options import OutputOptions

SINGLE, CLOSE, NONE = Way.SINGLE_PASS, Way.AT_CLOSE, Way.NONE


def chosen(dtype: str = "int16", size: int = 2000, **options: Any) -> Actions:
    return choose_actions(OutputOptions(**options), "out", np.dtype(dtype), (size, size + 100))


@pytest.mark.parametrize(
    ("options", "statistics", "histogram", "overviews"),
    [
        ({}, SINGLE, SINGLE, SINGLE),
        ({"omit_statistics": True}, NONE, SINGLE, SINGLE),
        ({"omit_histogram": True}, SINGLE, NONE, SINGLE),
        ({"omit_pyramids": True}, SINGLE, SINGLE, NONE),
        ({"approximate_statistics": True}, CLOSE, CLOSE, SINGLE),
        ({"single_pass_statistics": False}, CLOSE, SINGLE, SINGLE),
        ({"single_pass_histogram": False}, SINGLE, CLOSE, SINGLE),
        ({"single_pass_pyramids": False}, SINGLE, SINGLE, CLOSE),
        ({"single_pass_pyramids": True, "overview_resampling": "MODE"}, SINGLE, SINGLE, SINGLE),
        ({"overview_resampling": "CUBIC"}, SINGLE, SINGLE, CLOSE),
        ({"omit_statistics": True, "single_pass_statistics": True}, NONE, SINGLE, SINGLE),
    ],
)
def test_ways(options: dict[str, Any], statistics: Way, histogram: Way, overviews: Way) -> None:
    actions = chosen(**options)
    assert actions.statistics is statistics
    assert actions.histogram is histogram
    assert actions.overviews is overviews
    assert actions.levels == (() if overviews is NONE else (4, 8))


def test_small_rasters_have_no_overviews() -> None:
    actions = chosen(size=300)
    assert (actions.overviews, actions.levels) == (NONE, ())


def test_floats_too() -> None:
    assert chosen("float32", single_pass_histogram=True).histogram is SINGLE


def test_complex_pixels() -> None:
    actions = chosen("complex64")
    assert (actions.statistics, actions.histogram, actions.overviews) == (NONE, NONE, SINGLE)
    assert chosen("complex64", overview_resampling="AVERAGE").overviews is CLOSE


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"single_pass_pyramids": True, "overview_resampling": "GAUSS"},
            "setSinglePassPyramids: output 'out' cannot: overviews by GAUSS are GDAL's work",
        ),
        (
            {"single_pass_statistics": True, "approximate_statistics": True},
            "setSinglePassBasicStats: output 'out' cannot: setApproxStats is True",
        ),
        (
            {"single_pass_histogram": True, "approximate_statistics": True},
            "setSinglePassHistogram: output 'out' cannot: setApproxStats is True",
        ),
    ],
)
def test_what_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(rioserrors.SinglePassActionsError, match=message):
        chosen(**options)


def test_report() -> None:
    report = SinglePassManager(actions={"out": chosen(single_pass_histogram=False)})
    assert report.doSinglePassPyramids("out")
    assert report.doSinglePassStatistics("out")
    assert not report.doSinglePassHistogram("out")
