"""Values of controls: for all images, for single ones, and nobody else's."""

from __future__ import annotations

import copy
import pickle
import sys

import numpy as np
import pytest

from rios_flows.controls.held import HeldControls, changed
from rios_flows.rioserrors import ParameterError


def test_an_image_has_its_own_value_or_that_for_all() -> None:
    held = HeldControls()
    held.setOptionForImagename("statsIgnore", None, 5)
    held.setOptionForImagename("statsIgnore", "a", None)
    assert held.getOptionForImagename("statsIgnore", "a") is None
    assert held.getOptionForImagename("statsIgnore", "b") == 5
    assert held.getOptionForImagename("statsIgnore", None) == 5
    assert vars(held)["statsIgnore"] == 5


@pytest.mark.parametrize("image", [None, "a"])
def test_a_list_stays_the_callers_own(image: str | None) -> None:
    held, given = HeldControls(), [1, 2]
    pixels = np.array([1, 2])
    held.setOptionForImagename("layerselection", image, given)
    held.setOptionForImagename("inputnodata", image, pixels)
    given.append(3)
    pixels[0] = 9
    assert held.getOptionForImagename("layerselection", image) == [1, 2]
    assert held.getOptionForImagename("inputnodata", image).tolist() == [1, 2]


def test_what_cannot_be_set() -> None:
    held = HeldControls()
    with pytest.raises(ParameterError, match=r"no control 'statsignore'; is 'statsIgnore' meant\?"):
        held.setOptionForImagename("statsignore", None, 1)
    with pytest.raises(ParameterError, match=r"getOptionForImagename: there is no control 'other'"):
        held.getOptionForImagename("other", None)
    with pytest.raises(ParameterError, match=r"option='overlap' holds for the whole run; .* 'a'"):
        held.setOptionForImagename("overlap", "a", 1)


def test_copies_keep_all_values_but_the_stream() -> None:
    held = HeldControls()
    held.setOptionForImagename("overlap", None, 3)
    held.setOptionForImagename("thematic", "a", True)
    held.loggingstream = open
    for other in (pickle.loads(pickle.dumps(held)), copy.deepcopy(held)):
        assert changed(other) == {"overlap": 3, "thematic[a]": True}
        assert other.loggingstream is sys.stdout
        other.setOptionForImagename("thematic", "b", True)
    assert repr(held) == "HeldControls(overlap=3, thematic[a]=True)"
