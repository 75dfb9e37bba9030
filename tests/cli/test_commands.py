"""The console commands rioscalcstats and riosprintstats."""

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil

from rios_flows.cli import statistics as commands
from rios_flows.files import statistics as calcstats
from tests.support.finished import tags_of, write


def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raster = np.array([[[1, 2, 2, 9]], [[4, 4, 4, 9]]], np.uint8)
    path = write(tmp_path / "a.tif", raster)
    assert commands.rioscalcstats_main([str(path), "-i", "9"]) == 0
    assert commands.rioscalcstats_main([str(path), "--ignore", "9.0", "--approx"]) == 0
    assert commands.riosprintstats_main([str(path)]) == 0
    assert commands.riosprintstats_main(["--printfilename", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "Mean: 4, Stddev: 0, Min: 4, Max: 4, Median: 4, Mode: 4"
    assert lines[0].startswith("Mean: 1.6666666666666667, Stddev: 0.4714045207910")
    assert lines[0].endswith("Min: 1, Max: 2, Median: 2, Mode: 2")
    assert lines[2:] == [f"{path} {line}" for line in lines[:2]]


def test_commands_go_on_after_a_bad_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "a.tif", np.ones((1, 4, 4), np.uint8))
    missing = str(tmp_path / "missing.tif")
    assert commands.rioscalcstats_main([missing, str(path)]) == 1
    assert commands.riosprintstats_main([missing, str(path)]) == 1
    captured = capsys.readouterr()
    assert captured.err.count("Unable to open") == 2
    assert captured.out == "Mean: 1, Stddev: 0, Min: 1, Max: 1, Median: 1, Mode: 1\n"


def test_the_commands_that_are_installed() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    own = {name: target for name, target in project["scripts"].items() if name != "rios-flows"}
    assert sorted(own) == ["rioscalcstats", "riosprintstats"]
    for name, target in own.items():
        function = EntryPoint(name, target, "console_scripts").load()
        with pytest.raises(SystemExit, match="0"):
            function(["--help"])


def test_a_cog_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, path = write(tmp_path / "a.tif", np.ones((1, 600, 700), np.uint8)), tmp_path / "c.tif"
    rasterio.shutil.copy(str(source), str(path), driver="COG")
    before = path.read_bytes()
    assert commands.rioscalcstats_main([str(path)]) == 1
    told = capsys.readouterr().err
    for words in ("c.tif", "valid COG", "rasterio.shutil.copy", "driver='COG'"):
        assert words in told
    assert path.read_bytes() == before
    with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
        calcstats.addStatistics(dataset)
    assert tags_of(path)["STATISTICS_MEAN"] == "1"


def test_a_nodata_value_that_is_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        commands.rioscalcstats_main(["-i", "abc", "a.tif"])
    assert "argument -i/--ignore: 'abc' is not a number" in capsys.readouterr().err
