"""Modules at the top have no code of their own: they hand on what the rooms have."""

from __future__ import annotations

from types import ModuleType

import pytest

from rios_flows import (
    associations,
    calcstats,
    colortable,
    computemanager,
    concurrency,
    const,
    cuiprogress,
    fileinfo,
    imageio,
    imagereader,
    imagewriter,
    pictures,
    pixelgrid,
    rat,
    ratapplier,
    readerinfo,
    records,
    results,
    structures,
    timing,
)
from rios_flows.basics.bars import CUIProgressBar
from rios_flows.basics.timing import Timers
from rios_flows.controls.associations import BlockAssociations, FilenameAssociations
from rios_flows.controls.concurrency import CW_THREADS, ConcurrencyStyle
from rios_flows.controls.const import DEFAULTDRIVERNAME
from rios_flows.files.colorrows import getColorTable
from rios_flows.files.columns import readColumn
from rios_flows.files.info import ImageInfo
from rios_flows.files.ramps import genTable
from rios_flows.files.statistics import calcStats
from rios_flows.geometry.pixelgriddefn import PixelGridDefn
from rios_flows.geometry.positions import wld2pix
from rios_flows.reports.pictures import timeline_png
from rios_flows.reports.records import BlockRecord
from rios_flows.reports.results import ApplierReturn
from rios_flows.runs.blockinfo import ReaderInfo
from rios_flows.runs.buffers import BlockBuffer
from rios_flows.tables.handles import RatHandle

HANDED_ON: list[tuple[ModuleType, str, object]] = [
    (associations, "FilenameAssociations", FilenameAssociations),
    (calcstats, "calcStats", calcStats),
    (colortable, "genTable", genTable),
    (computemanager, "CW_THREADS", CW_THREADS),
    (concurrency, "ConcurrencyStyle", ConcurrencyStyle),
    (const, "DEFAULTDRIVERNAME", DEFAULTDRIVERNAME),
    (cuiprogress, "CUIProgressBar", CUIProgressBar),
    (fileinfo, "ImageInfo", ImageInfo),
    (imageio, "wld2pix", wld2pix),
    (imagereader, "BlockAssociations", BlockAssociations),
    (imagewriter, "DEFAULTDRIVERNAME", DEFAULTDRIVERNAME),
    (pictures, "timeline_png", timeline_png),
    (pixelgrid, "PixelGridDefn", PixelGridDefn),
    (rat, "getColorTable", getColorTable),
    (rat, "readColumn", readColumn),
    (ratapplier, "RatHandle", RatHandle),
    (readerinfo, "ReaderInfo", ReaderInfo),
    (records, "BlockRecord", BlockRecord),
    (results, "ApplierReturn", ApplierReturn),
    (structures, "BlockBuffer", BlockBuffer),
    (timing, "Timers", Timers),
]


@pytest.mark.parametrize(
    ("module", "name", "there"), HANDED_ON, ids=[module.__name__ for module, *_ in HANDED_ON]
)
def test_a_module_at_the_top_hands_on(module: ModuleType, name: str, there: object) -> None:
    assert getattr(module, name) is there
    assert name in module.__all__
    # a function or class of its own would be a second one
    own = [
        each for each in vars(module).values() if getattr(each, "__module__", "") == module.__name__
    ]
    assert own == []


@pytest.mark.parametrize("module", [fileinfo, imagewriter, ratapplier])
def test_modules_that_hand_on_rat_have_all_of_it(module: ModuleType) -> None:
    assert set(rat.__all__) <= set(dir(module.rat))
