"""Names that are gone, or that rios_flows lacks: what to write in their place."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import pytest

from rios_flows.basics import gone


def test_sentences_know_modules_classes_and_names() -> None:
    told = gone.sentence("ApplierControls.setNumThreads")
    assert told is not None
    assert told.startswith("RIOS 2 has no ApplierControls.setNumThreads, nor has rios_flows: call ")
    told = gone.sentence("computemanager.AWSBatchComputeWorkerMgr")
    assert told is not None
    assert told.startswith(
        "rios_flows has no computemanager.AWSBatchComputeWorkerMgr: the engine launches"
    )
    # there is the module, and it has other names
    for known in ("rat", "rat.readColumn", "ApplierControls.setOverlap", "nothing"):
        assert gone.sentence(known) is None


def test_an_object_tells_of_its_old_names_only() -> None:
    class ApplierControls(gone.OldNames):
        overlap = 3

    controls: Any = ApplierControls()
    assert controls.overlap == 3
    with pytest.raises(AttributeError, match=r"RIOS 2 has no ApplierControls.setNumThreads") as old:
        _ = controls.setNumThreads
    assert (old.value.name, old.value.obj) == ("setNumThreads", controls)
    with pytest.raises(
        AttributeError, match=r"^'ApplierControls' object has no attribute 'other'$"
    ):
        _ = controls.other


def test_a_module_raises_what_its_reader_gets_to_see() -> None:
    missing = gone.instead_of("rios_flows.computemanager")
    with pytest.raises(
        ImportError,
        match=r"rios_flows has no computemanager.AWSBatchComputeWorkerMgr: the engine launches",
    ):
        missing("AWSBatchComputeWorkerMgr")
    with pytest.raises(
        AttributeError, match=r"^module 'rios_flows.computemanager' has no attribute 'other'$"
    ):
        missing("other")


def test_modules_that_are_gone_are_told_of_in_one_package_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    gone.tell_of_modules("tests")
    with pytest.raises(ModuleNotFoundError, match=r"RIOS 2 has no parallel") as told:
        importlib.import_module("tests.parallel")
    assert told.value.name == "tests.parallel"
    for name in ("tests.nothing", "other.parallel"):
        with pytest.raises(ModuleNotFoundError, match=r"^No module named"):
            importlib.import_module(name)
