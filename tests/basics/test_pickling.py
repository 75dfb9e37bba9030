"""Objects of the user are pickled as a worker has been told to."""

from __future__ import annotations

import pickle

import pytest

from rios_flows.basics import pickling


def test_another_way_holds_from_now_on(monkeypatch: pytest.MonkeyPatch) -> None:
    # put back afterwards
    monkeypatch.setattr(pickling._Way, "dumps", pickling._Way.dumps)
    assert pickle.loads(pickling.dumps([1, "a"])) == [1, "a"]
    pickling.pickle_by(lambda value: pickle.dumps((value, "wrapped")))
    assert pickle.loads(pickling.dumps(5)) == (5, "wrapped")
