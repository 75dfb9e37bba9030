"""Arrays as inputs: what will do as one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from rasterio.transform import from_origin

import rios_flows as rf
from rios_flows import rioserrors
from rios_flows.inputs.raster import ArrayPixels

PIXELS = np.arange(12, dtype="uint8").reshape(3, 4)
PLACE = from_origin(0, 3, 1, 1)


class Sliced:
    """What has no more than is asked for."""

    shape, dtype = [3, 4], "uint8"

    def __getitem__(self, key: Any) -> Any:
        return PIXELS[key]


class Told:
    """What numpy can make an array of, and that is none."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        return PIXELS


class Foreign(Sliced):
    """An array with a type that numpy does not know."""

    dtype = "torch.uint8"


class Unsliced:
    shape, dtype = (3, 4), "uint8"


def test_shape_and_type_and_slices_will_do() -> None:
    image = rf.Raster(Sliced(), PLACE, "EPSG:32755")
    assert isinstance(image.held(), ArrayPixels)
    seen: list[Any] = []
    rf.apply(lambda image: seen.append(image), image, dtype=None, workers=1)
    np.testing.assert_array_equal(seen[0], PIXELS)


@pytest.mark.parametrize(
    "wrong",
    [PIXELS.tolist(), memoryview(bytes(12)), Told(), Foreign(), Unsliced(), None],
    ids=lambda wrong: type(wrong).__name__,
)
def test_what_is_no_array_is_refused_with_advice(wrong: Any) -> None:
    with pytest.raises(rioserrors.ParameterError, match=r"is no array: .*give np.asarray\(...\)"):
        rf.Raster(wrong, PLACE)


def test_a_file_is_no_array() -> None:
    with pytest.raises(rioserrors.ParameterError, match="a file is an input by itself"):
        rf.Raster("scene.tif", PLACE)
