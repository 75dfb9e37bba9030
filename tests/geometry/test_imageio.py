"""Positions in raster and world."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rios_flows.geometry import positions as imageio
from rios_flows.geometry.positions import Coord, pix2wld, wld2pix
from rios_flows.rioserrors import ParameterError

NORTH_UP = (500000.0, 30.0, 0.0, 7000000.0, 0.0, -30.0)
ROTATED = (100.0, 3.0, 4.0, 200.0, 4.0, -3.0)


def test_known_positions() -> None:
    assert pix2wld(NORTH_UP, 2, 3) == Coord(500060.0, 6999910.0)
    assert wld2pix(NORTH_UP, 500075.0, 6999910.0) == (2.5, 3.0)
    assert wld2pix(NORTH_UP, 500075.0, 6999910.0).x == 2.5


@pytest.mark.parametrize("transform", [NORTH_UP, ROTATED])
@given(x=st.floats(-1e4, 1e4), y=st.floats(-1e4, 1e4))
def test_there_and_back(transform: tuple[float, ...], x: float, y: float) -> None:
    world = pix2wld(transform, x, y)
    assert wld2pix(transform, world.x, world.y) == pytest.approx((x, y), abs=1e-6)


def test_pixels_without_area() -> None:
    with pytest.raises(ParameterError, match="without area"):
        wld2pix((0, 0, 0, 0, 0, 0), 1, 1)


def test_footprints() -> None:
    assert (imageio.INTERSECTION, imageio.UNION, imageio.BOUNDS_FROM_REFERENCE) == (0, 1, 2)
