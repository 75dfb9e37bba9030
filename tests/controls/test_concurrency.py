"""ConcurrencyStyle: its parameters, and every combination that it refuses."""

from __future__ import annotations

import copy
import inspect
import os
import pickle
from typing import Any

import numpy as np
import pytest

from rios_flows.controls import concurrency
from rios_flows.controls.concurrency import ConcurrencyStyle, Timeouts
from rios_flows.rioserrors import ParameterError, RiosError


def test_parameters_and_defaults_in_order() -> None:
    parameters = inspect.signature(ConcurrencyStyle).parameters
    assert {name: parameter.default for name, parameter in parameters.items()} == {
        "numReadWorkers": 0,
        "numComputeWorkers": 0,
        "computeWorkerKind": "CW_NONE",
        "computeWorkerExtraParams": None,
        "computeWorkersRead": None,
        "singleBlockComputeWorkers": False,
        "haveSharedTemp": True,
        "readBufferInsertTimeout": 10,
        "readBufferPopTimeout": 10,
        "computeBufferInsertTimeout": 10,
        "computeBufferPopTimeout": 20,
        "computeBarrierTimeout": 600,
    }
    assert next(iter(parameters)) == "numReadWorkers"
    assert list(parameters)[-1] == "computeBarrierTimeout"


def test_kinds_are_strings_equal_to_their_names() -> None:
    names = [name for name in vars(concurrency) if name.startswith("CW_")]
    assert len(names) == 7
    assert all(getattr(concurrency, name) == name for name in names)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {
                "singleBlockComputeWorkers": True,
                "numComputeWorkers": 1,
                "computeWorkerKind": "CW_PBS",
            },
            "numComputeWorkers=1 must not be given",
        ),
        (
            {"singleBlockComputeWorkers": True, "numReadWorkers": 1, "computeWorkerKind": "CW_PBS"},
            "numReadWorkers=1 must be 0",
        ),
        (
            {
                "computeWorkersRead": True,
                "computeWorkerKind": "CW_THREADS",
                "numComputeWorkers": 1,
                "numReadWorkers": 1,
            },
            "computeWorkersRead=True is not possible with CW_THREADS",
        ),
        (
            {"singleBlockComputeWorkers": True, "computeWorkerKind": "CW_THREADS"},
            "singleBlockComputeWorkers=True is not possible with CW_THREADS",
        ),
        ({"numComputeWorkers": 1}, "needs a computeWorkerKind other than CW_NONE"),
        ({"computeWorkerKind": "CW_SLURM"}, "make numComputeWorkers at least 1"),
        (
            {"numComputeWorkers": 1, "computeWorkerKind": "CW_PBS", "computeWorkersRead": False},
            "make numReadWorkers at least 1",
        ),
        (
            {"numComputeWorkers": 1, "computeWorkerKind": "CW_SUBPROC"},
            "make numReadWorkers at least 1, or set computeWorkersRead=True",
        ),
        (
            {"numComputeWorkers": 1, "computeWorkerKind": "CW_THREADS"},
            "make numReadWorkers at least 1",
        ),
        (
            # read workers are refused there
            {"singleBlockComputeWorkers": True, "computeWorkerKind": "CW_SUBPROC"},
            "nobody reads: set computeWorkersRead=True",
        ),
        (
            {"singleBlockComputeWorkers": True, "computeWorkerKind": "CW_AWSBATCH"},
            "not suitable for CW_AWSBATCH",
        ),
        (
            {
                "computeWorkerKind": "CW_THREADS",
                "numReadWorkers": 1,
                "numComputeWorkers": (os.cpu_count() or 1) + 1,
            },
            "not sensible with CW_THREADS",
        ),
        ({"computeWorkerKind": "CW_CLOUD"}, "'CW_CLOUD' is unknown; choose one of CW_NONE, CW_TH"),
        ({"computeWorkerKind": None}, "computeWorkerKind=None is unknown"),
        ({"numReadWorkers": -1}, "numReadWorkers=-1 must be a whole number"),
        ({"numReadWorkers": True}, "numReadWorkers=True must be a whole number"),
        ({"numComputeWorkers": 1.5}, "numComputeWorkers=1.5 must be a whole number"),
        ({"numReadWorkers": "2"}, "numReadWorkers='2' must be a whole number"),
        ({"haveSharedTemp": None}, "haveSharedTemp=None must be True or False"),
        ({"computeWorkersRead": "yes"}, "computeWorkersRead='yes' must be True, False or None"),
        ({"computeWorkerExtraParams": [1]}, "must be a dict or None, not list"),
        ({"computeWorkerExtraParams": {"maxJobs": 0}}, "maxJobs=0 must be a whole number from 1"),
        ({"computeWorkerExtraParams": {"maxJobs": "3"}}, "maxJobs='3' must be a whole number"),
        ({"readBufferInsertTimeout": -1}, "readBufferInsertTimeout=-1 must be a number of seconds"),
        ({"readBufferPopTimeout": 0}, "readBufferPopTimeout=0 must be a number of seconds"),
        ({"computeBufferInsertTimeout": "10"}, "computeBufferInsertTimeout='10' must be"),
        ({"computeBufferPopTimeout": float("nan")}, "computeBufferPopTimeout=nan must be"),
        ({"computeBarrierTimeout": True}, "computeBarrierTimeout=True must be"),
    ],
)
def test_refusals(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as raised:
        ConcurrencyStyle(**parameters)
    assert message in str(raised.value)
    assert str(raised.value).startswith("ConcurrencyStyle: ")
    assert isinstance(raised.value, ValueError)
    assert isinstance(raised.value, RiosError)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"numReadWorkers": 3},
        {"numReadWorkers": np.int64(2)},
        {"numReadWorkers": 1, "numComputeWorkers": 1, "computeWorkerKind": "CW_THREADS"},
        {"numReadWorkers": 1, "numComputeWorkers": 4, "computeWorkerKind": "CW_SUBPROC"},
        {"numComputeWorkers": 4, "computeWorkerKind": "CW_SUBPROC", "computeWorkersRead": True},
        {"numComputeWorkers": 400, "computeWorkerKind": "CW_SLURM"},
        {"singleBlockComputeWorkers": True, "computeWorkerKind": "CW_PBS"},
        {"readBufferPopTimeout": None, "computeBufferPopTimeout": 0.5},
    ],
)
def test_sensible_styles_pass(parameters: dict[str, Any]) -> None:
    style = ConcurrencyStyle(**parameters)
    assert pickle.loads(pickle.dumps(style)) == style == copy.deepcopy(style)


def test_attributes_may_be_set_and_are_checked_again_on_request() -> None:
    style = ConcurrencyStyle()
    style.numReadWorkers = 2
    style.check()
    style.numComputeWorkers = 1
    with pytest.raises(ParameterError, match="needs a computeWorkerKind"):
        style.check()


@pytest.mark.parametrize(
    ("kind", "reads"),
    [
        ("CW_THREADS", False),
        ("CW_SUBPROC", False),
        ("CW_PBS", True),
        ("CW_SLURM", True),
        ("CW_ECS", True),
        ("CW_AWSBATCH", True),
    ],
)
def test_who_reads_is_resolved_and_not_written_back(kind: str, reads: bool) -> None:
    style = ConcurrencyStyle(numReadWorkers=1, numComputeWorkers=1, computeWorkerKind=kind)
    assert style.workers_read is reads
    assert style.computeWorkersRead is None
    if kind != "CW_THREADS":
        style.computeWorkersRead = not reads
        assert style.workers_read is not reads


def test_repr_tells_all_but_the_extra_parameters() -> None:
    style = ConcurrencyStyle(computeWorkerExtraParams={"account": "secret-project"})
    assert "secret" not in repr(style)
    assert "ExtraParams" not in repr(style)
    assert repr(style).count("=") == 11


def test_timeouts_of_a_style() -> None:
    style = ConcurrencyStyle(
        readBufferInsertTimeout=1,
        readBufferPopTimeout=2,
        computeBufferInsertTimeout=None,
        computeBufferPopTimeout=4.5,
        computeBarrierTimeout=float("inf"),
    )
    assert Timeouts.of(style) == Timeouts(1, 2, None, 4.5, None)
    assert Timeouts.of(ConcurrencyStyle()) == Timeouts()
