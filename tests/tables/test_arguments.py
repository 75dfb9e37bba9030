"""Arguments of ratapplier.apply and copyRAT that make no sense."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows import rat, ratapplier, rioserrors
from rios_flows.tables.arguments import file_of
from tests.support.newcolumns import ROWS, Job
from tests.support.rasters import coordinates, write_raster


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path / "a.img")


def test_what_is_no_table_and_no_function(job: Job) -> None:
    cases: list[tuple[Any, Any, str]] = [
        (print, (None, job.outputs), "inRats is None; give a RatAssociations"),
        (print, (job.inputs, {}), "outRats is {}; give a RatAssociations"),
        (5, (job.inputs, job.outputs), "5 is no function"),
    ]
    for function, tables, words in cases:
        with pytest.raises(rioserrors.ParameterError, match=words):
            ratapplier.apply(function, *tables)
    for handle in (ratapplier.RatHandle, ratapplier.RatZarrHandle):
        names: list[Any] = [None, 5, b"a.img"]
        for name in names:
            with pytest.raises(rioserrors.ParameterError, match=r"filename=.*: give a text or a"):
                handle(name)


def test_one_column_of_one_table_under_two_names(job: Job, tmp_path: Path) -> None:
    link = tmp_path / "link.img"
    link.symlink_to(job.path)
    for other in (job.path, link, os.path.relpath(job.path)):
        job.outputs.b = ratapplier.RatHandle(other)

        def function(info: Any, inputs: Any, outputs: Any) -> None:
            outputs.a.x, outputs.b.x = inputs.a.number, inputs.a.number * 2

        with pytest.raises(
            rioserrors.AttributeTableColumnError,
            match=r"column 'x' is set on the outputs 'a' and 'b', which are one table",
        ) as caught:
            job.run(function)
        assert caught.value.__notes__ == ["Tables that are new: none."]
        assert job.names == ["number"]


@pytest.mark.parametrize("at_once", [False, True])
def test_hard_links_are_one_file(job: Job, tmp_path: Path, at_once: bool) -> None:
    link = tmp_path / "link.img"
    os.link(job.path, link)
    job.outputs.b = ratapplier.RatHandle(link)
    job.controls.setWriteAtOnce(at_once)

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.a.x, outputs.b.y = inputs.a.number, inputs.a.number * 2

    job.run(function)
    assert job.names == ["number", "x", "y"]
    assert job.read("y") == [2 * row for row in range(ROWS)]
    assert file_of(ratapplier.RatHandle("none")) == os.path.realpath("none")


def test_what_is_written_at_once_is_told_if_another_output_fails(job: Job, tmp_path: Path) -> None:
    other = write_raster(tmp_path / "other.tif", coordinates(1, 9, 9, "uint16"))
    job.controls.setWriteAtOnce(True)
    job.outputs.b = ratapplier.RatHandle(other)

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.b.x, outputs.a.number = inputs.a.number, inputs.a.number * 0
        (tmp_path / "other.tif.aux.xml").write_text("<PAMDataset>")

    # the one that fails comes first
    outputs: Any = job.outputs
    del outputs.a
    outputs.a = ratapplier.RatHandle(job.path)
    with pytest.raises(rioserrors.ImageWriteError, match="is not whole") as caught:
        job.run(function)
    assert caught.value.__notes__ == [
        "Tables that are new: none. Rows 0 to 999 of output 'a' are new, by setWriteAtOnce."
    ]


def test_no_rows(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_raster(tmp_path / "a.tif", coordinates(1, 9, 9, "uint16"))
    tables: Any = ratapplier.RatAssociations()
    tables.a = ratapplier.RatHandle(path)
    ratapplier.apply(print, tables, tables)
    assert "the function is not called, since the tables 'a' have no rows" in caplog.text
    rat.writeColumn(path, "x", [1, 2])
    caplog.clear()
    with rasterio.Env(GDAL_PAM_ENABLED="NO"):
        ratapplier.apply(print, tables, tables)
        with pytest.raises(
            rioserrors.AttributeTableColumnError,
            match="there are: none, since GDAL_PAM_ENABLED=NO hides side-car files",
        ):
            rat.readColumn(path, "x")
    assert "have no rows; GDAL_PAM_ENABLED=NO hides tables in side-car files" in caplog.text


def test_one_omitted_column(job: Job, tmp_path: Path) -> None:
    rat.writeColumn(job.path, "num", np.arange(ROWS))
    out = write_raster(tmp_path / "out.tif", coordinates(1, 9, 9, "uint16"))
    ratapplier.copyRAT(job.path, out, omitColumns="number")
    assert rat.getColumnNames(out) == ["num"]
