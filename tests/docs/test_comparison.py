"""The comparison with rasterio, dask and xarray works, and its page shows what was measured."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest
import rasterio

from benchmarks import compare, compared

ROOT = Path(__file__).parents[2]
SIDE = 600


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RIOS_FLOWS_BENCH_DIR", str(tmp_path))
    return tmp_path


def test_all_ways_write_the_same_pixels(folder: Path) -> None:
    nir, red = (rasterio.open(path) for path in compare.paths(SIDE))
    with nir, red:
        first, second = nir.read(1).astype(np.float32), red.read(1).astype(np.float32)
    for name, (_, function) in compare.WAYS.items():
        target = folder / f"{name}.tif"
        function(*compare.paths(SIDE), str(target))
        with rasterio.open(target) as dataset:
            assert dataset.dtypes == ("float32",)
            assert dataset.block_shapes == [(512, 512)]
            np.testing.assert_array_equal(dataset.read(1), (first - second) / (first + second))
        assert compare.look(target, SIDE) == ("the whole output", 1)


def test_a_process_is_measured(folder: Path) -> None:
    target = folder / "index.tif"
    found = compare.measured("rasterio", target, SIDE)
    assert 0 < found["seconds"] < 60
    assert 20 < found["peak"] < 2000
    assert compare.look(target, SIDE) == ("the whole output", 1)


def test_what_is_left_of_a_file(folder: Path) -> None:
    target = folder / "index.tif"
    assert compare.look(target, SIDE) == ("nothing", 0)
    target.write_bytes(b"II")
    assert compare.look(target, SIDE) == ("a file that does not open", 0)
    compared.rasterio_loop(*compare.paths(SIDE), str(target))
    with rasterio.open(target, "r+") as dataset:
        dataset.write(np.zeros((1, 300, SIDE), np.float32), window=((0, 300), (0, SIDE)))
    kind, right = compare.look(target, SIDE)
    assert kind == "a file that opens"
    assert 0.5 <= right < 0.51


def test_the_page(folder: Path) -> None:
    left = compare.Left("nothing", 0, 1.0, 2.0, 0.3, True)
    figures = {name: compare.Figures([2.0, 9.0, 1.0], [300.0], [left]) for name in compare.WAYS}
    half = compare.Left("a file that opens", 0.5, 3.0, 3.0, 0, True)
    figures["dask"] = compare.Figures([3.0], [450.0], [half])
    page = compare.render(figures, SIDE, 3)
    assert "| dask and rioxarray | 1.50 | 1.50 | 6 |" in page
    assert "| dask and rioxarray | a file that opens | 50% | 0% | 100% |" in page
    assert "| `rf.apply` | nothing | - | 30% | 50% |" in page
    shown = (ROOT / "docs" / "comparison.md").read_text()
    for _, function in compare.WAYS.values():
        assert inspect.getsource(function) in shown
    # all but the figures is current
    figures_of = ("| ", "The same job", "Ratios", "Each was killed", "Resume costs time")
    own, theirs = (
        [line for line in text.splitlines() if not line.startswith(figures_of)]
        for text in (page, shown)
    )
    assert own == theirs, "run: python -m benchmarks.compare"
