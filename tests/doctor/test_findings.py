"""Findings, and errors that become some."""

from __future__ import annotations

import pytest

from rios_flows.doctor.findings import Finding, Findings, of_error, text_of
from rios_flows.rioserrors import JobMgrError


def refuse(message: str) -> None:
    raise JobMgrError(message)


def test_an_error_is_a_finding_with_its_remedy() -> None:
    found = Findings()
    with found.of("a queue"):
        found.add("before", "good", "so far")
        refuse("no such queue: nowhere (exit code 1); see qsubOptions")
    assert found[1] == Finding(
        "a queue", "bad", "no such queue: nowhere (exit code 1)", "see qsubOptions"
    )
    assert found.bad
    assert text_of(found[1]).splitlines()[1].strip() == "see qsubOptions"


def test_every_error_has_a_remedy_and_keeps_its_log() -> None:
    finding = of_error("a worker", JobMgrError("it ended\nIts log ends:\nno; module"))
    assert finding.found == "it ended\nIts log ends:\nno; module"
    assert finding.remedy


def test_errors_of_others_are_none() -> None:
    found = Findings()
    with pytest.raises(ValueError, match="odd"), found.of("a queue"):
        raise ValueError("odd")
    assert not found.bad


def test_a_last_sentence_is_a_remedy() -> None:
    finding = of_error("a pool", JobMgrError("no such pool: it has 1.5 others. Make one"))
    assert finding[2:] == ("no such pool: it has 1.5 others", "Make one")


def test_remedies_by_words_of_a_message() -> None:
    remedies = {"no; module": "install it", "it ended": "see its log"}
    for told, remedy in (
        ("it ended; why\nno; module", "install it"),
        ("it ended; x", "see its log"),
    ):
        # AWS's words may have a semicolon, too
        assert of_error("a worker", JobMgrError(told), remedies) == Finding(
            "a worker", "bad", told, remedy
        )
    assert of_error("a worker", JobMgrError("none; that"), remedies).remedy == "that"
