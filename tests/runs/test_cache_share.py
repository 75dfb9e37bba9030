"""How much of GDAL's block cache a run takes, by the arithmetic of its plan."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows.controls.controls import ApplierControls
from rios_flows.controls.held import resolved
from rios_flows.jobs.plan import Plan, build_plan
from rios_flows.runs.blockcache import SPARE_BYTES, SPARE_SHARE, fit_cache
from rios_flows.structures import ConcurrencyStyle, FilenameAssociations
from tests.support.rasters import write_raster

ROWS, COLS = 256, 3000


class Share:
    """A run's share of the cache, which it notes."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken: list[int] = []

    def take(self, nbytes: int) -> None:
        self.taken.append(nbytes)


def plan_of(folder: Path, window: tuple[int, int], readers: int = 0, **profile: Any) -> Plan:
    infiles, outfiles = FilenameAssociations(), FilenameAssociations()
    pixels = np.zeros((2, ROWS, COLS), "float32")
    infiles.image = write_raster(folder / "in.tif", pixels, **profile)
    controls = ApplierControls()
    controls.setWindowSize(*window)
    controls.setConcurrencyStyle(ConcurrencyStyle(numReadWorkers=readers))
    return build_plan(infiles, outfiles, resolved(controls, infiles, outfiles)[0])


def taken(plan: Plan, most: int = 2**40) -> int:
    share: Any = Share(most)
    fit_cache(share, plan)
    [nbytes] = share.taken
    return int(nbytes)


def spared(nbytes: int) -> int:
    return int(SPARE_SHARE * nbytes) + SPARE_BYTES


TILED: dict[str, Any] = {"tiled": True, "blockxsize": 128, "blockysize": 64, "interleave": "band"}


def test_nothing_where_no_tile_is_decoded_twice(tmp_path: Path) -> None:
    assert taken(plan_of(tmp_path, (128, 64), **TILED)) == 0


@pytest.mark.parametrize("readers", [0, 3])
def test_strips_are_kept_from_one_window_to_the_next(tmp_path: Path, readers: int) -> None:
    # windows of 100 rows touch at most 3 strips of 64 rows, and the next one has as many again;
    # each reader decodes for itself
    plan = plan_of(tmp_path, (128, 100), readers, blockysize=64, interleave="band")
    assert taken(plan) == spared(2 * 3 * 64 * COLS * 2 * 4 * max(1, readers))


def test_tiles_are_kept_from_one_window_to_the_next(tmp_path: Path) -> None:
    # across, windows of 100 columns share tiles; down, 64 rows are whole tiles
    plan = plan_of(tmp_path, (100, 64), **TILED)
    across = 2 * 128  # tiles that a window of 100 columns touches at most
    assert taken(plan) == spared(2 * across * 64 * 2 * 4)


def test_where_a_row_is_too_much_a_window_must_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plan = plan_of(tmp_path, (100, 100), **TILED)
    # a row of tiles is 24 * 128 columns wide, and two or three tiles high
    row = spared(3 * 64 * 24 * 128 * 2 * 4)
    assert taken(plan) == row
    assert not caplog.messages
    with caplog.at_level(logging.WARNING):
        assert taken(plan, row - 1) == spared(2 * 2 * 128 * 3 * 64 * 2 * 4)
    [told] = caplog.messages
    assert "in.tif' (input 'image'), which is stored in blocks of 128 x 64 pixels" in told
    assert f"would need {row >> 20} MiB of the" in told
