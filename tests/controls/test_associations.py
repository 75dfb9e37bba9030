"""Files and arrays by name."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows.controls.associations import (
    BlockAssociations,
    FilenameAssociations,
    FilenameAssocIterator,
    OtherInputs,
    snapshot,
)
from rios_flows.rioserrors import ParameterError


def some_files() -> FilenameAssociations:
    files = FilenameAssociations()
    files.nir = "nir.tif"
    files.dates = ["may.tif", Path("june.tif")]
    files.dem = Path("dem.tif")
    files.pair = ("a.tif", "b.tif")
    return files


def test_iteration_in_order_of_creation() -> None:
    expected = [
        ("nir", None, "nir.tif"),
        ("dates", 0, "may.tif"),
        ("dates", 1, "june.tif"),
        ("dem", None, "dem.tif"),
        ("pair", 0, "a.tif"),
        ("pair", 1, "b.tif"),
    ]
    files = some_files()
    assert list(files) == list(FilenameAssocIterator(files)) == expected
    assert len(files) == 6
    # two loops at once do not disturb one another
    assert [(a, b) for a in files for b in files] == [(a, b) for a in expected for b in expected]


@pytest.mark.parametrize(
    ("key", "entry"),
    [
        ("nir", "nir.tif"),
        (("nir", None), "nir.tif"),
        ("dem", "dem.tif"),
        ("dates", ["may.tif", "june.tif"]),
        (("dates", None), ["may.tif", "june.tif"]),
        (("dates", 1), "june.tif"),
        (("dates", -1), "june.tif"),
        (("pair", 0), "a.tif"),
    ],
)
def test_indexing(key: Any, entry: Any) -> None:
    assert some_files()[key] == entry
    assert key in some_files()


@pytest.mark.parametrize(
    "key",
    ["red", ("red", None), ("dates", 2), ("nir", 0), 5, ("dates", 0, 0), ("dates", "x"), None],
)
def test_unknown_keys(key: Any) -> None:
    assert key not in some_files()
    with pytest.raises(KeyError):
        some_files()[key]


def test_indexing_is_read_only() -> None:
    files: Any = some_files()
    with pytest.raises(TypeError):
        files["nir"] = "other.tif"


def test_reading_changes_nothing() -> None:
    files = some_files()
    before = dict(vars(files))
    list(files)
    files["dates"].append("more.tif")
    assert vars(files) == before
    assert files.dates == ["may.tif", Path("june.tif")]
    assert files.pair == ("a.tif", "b.tif")


@pytest.mark.parametrize(
    ("entry", "label"),
    [
        (5, "odd"),
        ({"a": "b"}, "odd"),
        (["a.tif", 5], r"odd\[1\]"),
        (["a.tif", None], r"odd\[1\]"),
        ("", "odd"),
    ],
)
def test_an_entry_that_is_no_file(entry: Any, label: str) -> None:
    files = some_files()
    files.odd = entry
    with pytest.raises(ParameterError, match=f"Invalid entry for name '{label}'") as raised:
        list(files)
    assert isinstance(raised.value, ValueError)
    with pytest.raises(ParameterError, match=label):
        files["odd"]


def test_a_name_without_a_file() -> None:
    files = some_files()
    before = list(files)
    files.mask = None
    assert (list(files), len(files)) == (before, len(before))
    assert files.mask is None
    assert "mask" not in files
    with pytest.raises(KeyError):
        files["mask"]
    assert list(snapshot(files)) == before
    assert BlockAssociations(snapshot(files)).mask is None


def test_copies() -> None:
    files = some_files()
    taken = snapshot(files)
    files.dates.append("july.tif")
    files.nir = "other.tif"
    assert list(taken) == list(some_files())
    assert list(pickle.loads(pickle.dumps(files))) == list(copy.deepcopy(files)) == list(files)


def test_blocks_mirror_the_files() -> None:
    block = BlockAssociations(some_files())
    assert vars(block) == {
        "nir": None,
        "dates": [None, None],
        "dem": None,
        "pair": [None, None],
    }
    assert len(block) == 0
    array = np.zeros((1, 2, 2))
    block["nir", None] = array
    block["dates", 1] = array
    block["dem"] = array
    assert block.nir is array
    assert block["dates", 1] is block.dates[-1] is block["dates"][1] is array
    assert len(block) == 3


def test_blocks_of_files_do_not_share_lists() -> None:
    files = some_files()
    first, second = BlockAssociations(files), BlockAssociations(files)
    first["dates", 0] = 1
    assert second.dates == [None, None]


def test_a_block_of_its_own() -> None:
    block = BlockAssociations()
    assert len(block) == 0
    block["new"] = 1
    block["newer", None] = 2
    block.attribute = 3
    assert (block.new, block["newer"], block["attribute", None]) == (1, 2, 3)
    assert len(block) == 3
    assert vars(pickle.loads(pickle.dumps(block))) == vars(block)


@pytest.mark.parametrize("key", [("dates", 2), ("nir", 0), ("red", 0), 5])
def test_unknown_keys_of_a_block(key: Any) -> None:
    block = BlockAssociations(some_files())
    with pytest.raises(KeyError):
        block[key] = 1
    with pytest.raises(KeyError):
        block[key]


def test_an_attribute_that_a_block_has_not() -> None:
    block = BlockAssociations(some_files())
    with pytest.raises(AttributeError, match="no attribute 'red'; there are nir, dates, dem, pair"):
        _ = block.red
    with pytest.raises(AttributeError, match="there are none"):
        _ = BlockAssociations().red
    assert getattr(block, "red", 5) == 5
    assert not hasattr(copy.deepcopy(block), "red")


def test_other_inputs_hold_anything() -> None:
    other = OtherInputs()
    other.counts = {1: 2}
    assert pickle.loads(pickle.dumps(other)).counts == copy.deepcopy(other).counts == {1: 2}


def test_an_array_in_place_of_a_file_is_not_printed_whole() -> None:
    files = FilenameAssociations()
    files.image = np.zeros((300, 400))
    with pytest.raises(ParameterError, match=r"'image': <ndarray \(300, 400\) float64> is not a"):
        list(files)
