"""What a run returns, and the record of a worker's error."""

from __future__ import annotations

import pickle

import pytest

from rios_flows import calcstats, rioserrors
from rios_flows.geometry.grid import BlockGrid
from rios_flows.reports.records import RunInfo
from rios_flows.reports.results import ApplierReturn, SinglePassManager, WorkerErrorRecord


class Stubborn(Exception):
    """Cannot be made anew from its arguments, as pickle wants to."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first + second)


def caught(error: Exception) -> Exception:
    try:
        raise error
    except Exception as raised:
        return raised


def test_both_spellings_of_the_single_pass_manager() -> None:
    result = ApplierReturn(singlePassMgr="manager")
    assert result.singlepassMgr == result.singlePassMgr == "manager"
    assert ApplierReturn().otherArgsList == []
    assert ApplierReturn().timings is not ApplierReturn().timings


def test_a_result_is_told_in_short() -> None:
    done = {"out": True, "other": False}
    result = ApplierReturn(
        singlePassMgr=SinglePassManager(pyramids=done, accumulators={("out", None): [None] * 99}),
        info=RunInfo("job", BlockGrid(100, 80, (32, 32), 0), ["apply"]),
    )
    result.timings.record("walltime", 2.0, 3.25)
    assert repr(result) == "ApplierReturn(blocks=12, seconds=1.2, outputs=['out', 'other'])"
    assert "None, None" not in repr(result.singlePassMgr)
    assert repr(ApplierReturn()) == "ApplierReturn(blocks=None, seconds=0.0, outputs=[])"


def test_what_was_done_in_the_single_pass() -> None:
    report = SinglePassManager(
        pyramids={"out": True}, statistics={"out": True}, histograms={"out": False}
    )
    assert report.doSinglePassPyramids("out")
    assert report.doSinglePassStatistics("out")
    assert not report.doSinglePassHistogram("out")
    assert calcstats.SinglePassManager is SinglePassManager


@pytest.mark.parametrize("kind", ["Pyramids", "Statistics", "Histogram"])
def test_an_output_that_there_is_not(kind: str) -> None:
    done = {"out": True, "other": True}
    report = SinglePassManager(pyramids=done, statistics=done, histograms=done)
    with pytest.raises(rioserrors.KeysMismatch, match="'oops'; the outputs are out, other"):
        getattr(report, f"doSinglePass{kind}")("oops")
    with pytest.raises(rioserrors.KeysMismatch, match="are none"):
        getattr(SinglePassManager(), f"doSinglePass{kind}")("oops")


def test_an_error_is_told_with_worker_and_traceback() -> None:
    text = str(WorkerErrorRecord(caught(ValueError("bad pixel")), "compute", 3))
    assert text.startswith("Error in compute worker 3\nTraceback (most recent call last):")
    assert "in caught" in text
    assert text.rstrip().endswith("ValueError: bad pixel")
    assert str(WorkerErrorRecord(ValueError("x"), "main")).startswith("Error in main worker\n")


def test_the_record_survives_a_pickle() -> None:
    record = WorkerErrorRecord(caught(ValueError("bad pixel")), "read", 0)
    back = pickle.loads(pickle.dumps(record))
    assert str(back) == str(record)
    assert isinstance(back.exc, ValueError)
    assert (back.workerType, back.workerID) == ("read", 0)


def test_the_cause_comes_along_and_the_traceback_as_its_last_cause() -> None:
    def fail() -> None:
        try:
            dict[str, int]()["red"]
        except KeyError as cause:
            raise ValueError("bad pixel") from cause

    with pytest.raises(ValueError, match="bad pixel") as raised:
        fail()
    back = pickle.loads(pickle.dumps(WorkerErrorRecord(raised.value, "compute")))
    assert isinstance(back.exc.__cause__, KeyError)
    assert back.exc.__cause__.args == ("red",)
    assert str(back.exc.__cause__.__cause__).strip() == back.formattedTraceback.strip()
    assert "in fail" in back.formattedTraceback
    again = pickle.loads(pickle.dumps(back))
    assert "in fail" in str(again.exc.__cause__.__cause__)


class Odd(Exception):
    """Refuses whatever is asked of it."""

    def __str__(self) -> str:
        raise ZeroDivisionError

    def __getattribute__(self, name: str) -> object:
        raise ZeroDivisionError


def test_a_record_of_an_odd_error() -> None:
    back = pickle.loads(pickle.dumps(WorkerErrorRecord(Odd("one"), "compute")))
    assert str(back).startswith("Error in compute worker\n(")
    assert str(back.exc).startswith("Odd: ")


def test_the_record_survives_where_the_error_would_not() -> None:
    record = WorkerErrorRecord(caught(Stubborn("one ", "two")), "compute", 1)
    back = pickle.loads(pickle.dumps(record))
    assert str(back) == str(record)
    assert str(back.exc) == "Stubborn: one two"
    assert isinstance(record.exc, Stubborn)
