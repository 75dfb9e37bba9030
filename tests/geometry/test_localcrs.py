"""Texts of local coordinate reference systems: taken apart, and held against each other."""

from __future__ import annotations

import pytest
from rasterio.crs import CRS

from rios_flows.geometry.localcrs import LocalCRS, difference, local_crs

SITE = (
    'LOCAL_CS["Site ""A""",LOCAL_DATUM["Peg 1",0],UNIT["foot",0.3048],'
    'AXIS["x",SOUTH],AXIS["y",WEST]]'
)


def test_the_parts_of_a_text() -> None:
    assert local_crs(SITE) == LocalCRS('Site ""A""', "Peg 1", 0.3048, ("SOUTH", "WEST"))
    assert local_crs('LOCAL_CS["Site"]') == LocalCRS("Site", "", None, ())
    usual = local_crs('LOCAL_CS["Site",UNIT["metre",1],AXIS["x",EAST],AXIS["y",NORTH]]')
    assert usual == LocalCRS("Site", "", 1.0, ())
    assert local_crs(CRS.from_epsg(32755).to_wkt()) is None


FULL = LocalCRS("Site", "Peg 1", 1.0, ())


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (FULL, ""),
        # a part that is missing, or that has no name, is no difference
        (LocalCRS("Site", "", None, ()), ""),
        (LocalCRS("unnamed", "Unknown datum", 1.0, ()), ""),
        (LocalCRS("SITE", "peg_1", 1 + 1e-9, ()), ""),
        (LocalCRS("Quarry", "Peg 1", 1.0, ()), "name ('Site' and 'Quarry')"),
        (
            LocalCRS("Site", "Peg 2", 0.3048, ()),
            "datum ('Peg 1' and 'Peg 2'), unit (1 and 0.3048 m)",
        ),
        (FULL._replace(axes=("SOUTH", "WEST")), "axes (to east and north, to south and west)"),
    ],
)
def test_differences(other: LocalCRS, words: str) -> None:
    assert difference(FULL, other) == words
