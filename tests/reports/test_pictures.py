"""Pictures and tables of a run, from made-up records."""

from __future__ import annotations

import io
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from PIL import Image
from rasterio.transform import Affine

from rios_flows import rioserrors
from rios_flows.geometry.grid import BlockGrid
from rios_flows.reports import pictures
from rios_flows.reports.pictures import canvas, heatmap, timeline
from rios_flows.reports.records import RunInfo
from rios_flows.reports.results import ApplierReturn
from rios_flows.rioserrors import ParameterError
from tests.support.madeup import failing, make_info, make_records


def pixels(png: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def count_colour(png: bytes, colour: str, tolerance: int = 12) -> int:
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return int((np.abs(pixels(png).astype(int) - wanted).max(axis=2) <= tolerance).sum())


@pytest.fixture
def grid() -> BlockGrid:
    return BlockGrid(1000, 700, (256, 256))


class TestTimeline:
    def test_shows_each_stage_and_nothing_red(self, grid: BlockGrid) -> None:
        png = pictures.timeline_png(make_records(grid), make_info(grid))
        areas = {stage: count_colour(png, colour) for stage, colour in timeline._COLOURS.items()}
        assert areas["compute"] > areas["write"] > areas["read"] > 500
        assert count_colour(png, canvas.FAILED) == 0

    def test_failed_attempts_are_red(self, grid: BlockGrid) -> None:
        records = make_records(grid)
        records[9:10] = failing(records[9])
        png = pictures.timeline_png(records, make_info(grid))
        assert count_colour(png, canvas.FAILED) > 100

    def test_bar_colour_tells_the_share_of_time_at_work(self) -> None:
        # bars of 1 ms in 10 ms, a hundred to a pixel
        start = np.arange(0, 100, 0.01)
        strength = timeline._strength(start, start + 0.005, 100.0, 100)
        np.testing.assert_allclose(strength, 0.5, atol=1e-3)

    def test_a_bar_shorter_than_a_pixel_is_seen(self) -> None:
        strength = timeline._strength(np.array([50.001]), np.array([50.002]), 100.0, 100)
        assert strength[50] >= 0.3
        assert strength.sum() == strength[50]

    def test_one_lane_that_does_all_stages_has_a_strip_for_each(self, grid: BlockGrid) -> None:
        records = make_records(grid, ("apply",) * 3)
        png = pictures.timeline_png(records, make_info(grid, ("apply",)))
        for colour in timeline._COLOURS.values():
            assert count_colour(png, colour) > 300

    def test_lanes_unknown_before_the_run_get_a_row(self, grid: BlockGrid) -> None:
        few = pixels(pictures.timeline_png(make_records(grid), make_info(grid)))
        records = [
            r._replace(lane="read-1") if r.stage == "read" else r for r in make_records(grid)
        ]
        more = pixels(pictures.timeline_png(records, make_info(grid)))
        assert more.shape[0] > few.shape[0]

    def test_each_worker_outside_the_process_has_a_row(self, grid: BlockGrid) -> None:
        lanes = ("read-0", "compute-0", "compute-1", "write")
        records = make_records(grid)
        for number in range(len(records)):
            if records[number].stage == "compute":
                block = number // 3
                # the second worker of compute-0 comes in place of a lost one
                first = "node1:10" if block < 6 else "node3:30"
                lane, worker = f"compute-{block % 2}", (first, "node2:20")[block % 2]
                records[number] = records[number]._replace(lane=lane, worker=worker)
        rows = list(dict.fromkeys(timeline._rows(records, make_info(grid, lanes)).values()))
        assert rows == [
            "read-0",
            "compute-0, node1:10",
            "compute-0, node3:30",
            "compute-1, node2:20",
            "write",
        ]
        alone = pixels(pictures.timeline_png(make_records(grid), make_info(grid)))
        assert pixels(pictures.timeline_png(records, make_info(grid, lanes))).shape > alone.shape

    def test_a_worker_for_each_block_has_no_row(self, grid: BlockGrid) -> None:
        records = [
            record._replace(worker=f"node{number}:1") if record.stage == "compute" else record
            for number, record in enumerate(make_records(grid))
        ]
        rows = timeline._rows(records, make_info(grid))
        assert set(rows.values()) == {"read-0", "compute-0", "write"}

    @pytest.mark.parametrize("lanes", [(), ("apply",), tuple(f"read-{n}" for n in range(150))])
    def test_without_records(self, lanes: tuple[str, ...]) -> None:
        png = pictures.timeline_png([], RunInfo("nothing", BlockGrid(20, 20, (10, 10)), lanes))
        height, width, _ = pixels(png).shape
        assert width == 1100
        assert height < 2000


class TestHeatmap:
    @pytest.mark.parametrize(
        ("ncols", "nrows"), [(256, 256), (10, 10), (256 * 9, 256), (200, 256 * 300), (4000, 3000)]
    )
    def test_any_shape(self, ncols: int, nrows: int) -> None:
        grid = BlockGrid(ncols, nrows, (256, 256))
        png = pictures.heatmap_png(make_records(grid), make_info(grid))
        assert pixels(png).shape[1] == 770

    def test_adds_up_all_attempts_of_all_stages(self, grid: BlockGrid) -> None:
        records = make_records(grid)
        records[3:4] = failing(records[3])
        spent, failed = heatmap._block_times(records, make_info(grid))
        assert spent.shape == (3, 4)
        assert spent[0, 0] == pytest.approx(0.07)
        assert spent[0, 1] == pytest.approx(0.08)
        assert failed == {(0, 1)}

    def test_blocks_not_worked_on_are_not_zero(self, grid: BlockGrid) -> None:
        spent, _ = heatmap._block_times(make_records(grid)[:6], make_info(grid))
        assert np.isnan(spent).sum() == 10
        png = pictures.heatmap_png(make_records(grid)[:6], make_info(grid))
        assert count_colour(png, canvas.NO_DATA) > 10_000

    def test_without_records(self, grid: BlockGrid) -> None:
        png = pictures.heatmap_png([], make_info(grid))
        assert count_colour(png, canvas.NO_DATA) > 10_000

    def test_coarsening_keeps_the_slowest(self) -> None:
        values = np.full((5, 7), np.nan)
        values[1, 1], values[0, 0], values[4, 6] = 3.0, 1.0, 2.0
        cells = heatmap._coarsen(values, 2)
        assert cells.shape == (3, 4)
        assert cells[0, 0] == 3.0
        assert cells[2, 3] == 2.0
        assert np.isnan(cells).sum() == 10

    def test_failed_attempts_are_marked(self, grid: BlockGrid) -> None:
        records = make_records(grid)
        clean = count_colour(pictures.heatmap_png(records, make_info(grid)), canvas.FAILED, 30)
        records[9:10] = failing(records[9])
        png = pictures.heatmap_png(records, make_info(grid))
        assert count_colour(png, canvas.FAILED, 30) > clean + 20

    def test_blocks_far_slower_than_most_are_marked(self, grid: BlockGrid) -> None:
        records = make_records(grid)
        assert count_colour(pictures.heatmap_png(records, make_info(grid)), canvas.SLOW, 30) == 0
        records[9] = records[9]._replace(end=records[9].start + 1)
        png = pictures.heatmap_png(records, make_info(grid))
        assert count_colour(png, canvas.SLOW, 30) > 20


class TestSizeAndSpeed:
    def test_a_hundred_thousand_records(self) -> None:
        grid = BlockGrid(183 * 64, 183 * 64, (64, 64))
        rng = np.random.default_rng(1)
        records = [
            r._replace(end=r.start + float(rng.uniform(0.01, 0.05))) for r in make_records(grid)
        ]
        info = make_info(grid)
        assert len(records) > 100_000
        pictures.timeline_png(records[:3], info)
        begin = time.process_time()
        drawn = [pictures.timeline_png(records, info), pictures.heatmap_png(records, info)]
        # about 0.2 s where it was measured; the bound leaves room for slow machines
        assert time.process_time() - begin < 2.0
        assert max(map(len, drawn)) < 100_000

    def test_a_million_blocks(self) -> None:
        grid = BlockGrid(1000, 1000, (1, 1))
        info = make_info(grid)
        records = make_records(BlockGrid(1000, 30, (1, 1)))
        png = pictures.heatmap_png(records, info)
        assert len(png) < 100_000

    def test_any_thread_may_draw(self, grid: BlockGrid) -> None:
        records, info = make_records(grid), make_info(grid)
        drawn: list[bytes] = []
        threads = [
            threading.Thread(target=lambda: drawn.append(pictures.timeline_png(records, info)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert drawn == [pictures.timeline_png(records, info)] * 4


def test_save_pictures_makes_the_directory(grid: BlockGrid, tmp_path: Path) -> None:
    result = ApplierReturn(records=make_records(grid), info=make_info(grid))
    paths = pictures.save_pictures(result, tmp_path / "new" / "pictures")
    assert [path.name for path in paths] == ["timeline.png", "heatmap.png"]
    assert all(pixels(path.read_bytes()).size for path in paths)


def test_save_pictures_of_no_run(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="is not that of a run"):
        pictures.save_pictures(ApplierReturn(), tmp_path)


class TestQuicklook:
    def write(
        self, path: Path, values: NDArray[Any], crs: str | None, nodata: float | None
    ) -> None:
        with rasterio.open(
            path, "w", driver="GTiff", width=values.shape[1], height=values.shape[0], count=1,
            dtype=values.dtype, nodata=nodata, crs=crs, transform=Affine(30, 0, 5e5, 0, -30, 7e6),
        ) as dataset:  # fmt: skip
            dataset.write(values, 1)

    def test_of_a_large_raster(self, tmp_path: Path) -> None:
        values = np.add.outer(np.arange(900), np.arange(1200)).astype("uint16")
        self.write(tmp_path / "in.tif", values, "EPSG:32721", None)
        written = pictures.save_quicklook(tmp_path / "in.tif", tmp_path / "look.png", size=300)
        assert written == tmp_path / "look.png"
        assert written.stat().st_size < 150_000
        assert count_colour(written.read_bytes(), canvas.NO_DATA, 0) == 0

    def test_nodata_and_nan_stay_grey(self, tmp_path: Path) -> None:
        values = np.linspace(-0.5, 1, 100 * 100, dtype="float32").reshape(100, 100)
        values[:30] = -9999
        values[30:60] = np.nan
        self.write(tmp_path / "in.tif", values, None, -9999)
        pictures.save_quicklook(tmp_path / "in.tif", tmp_path / "look.png")
        assert count_colour((tmp_path / "look.png").read_bytes(), canvas.NO_DATA) > 50_000

    def test_values_on_both_sides_of_zero_are_centred(self) -> None:
        limits = canvas_limits(np.array([[-1.0, 0.2, 3.0]]))
        assert limits["vmin"] == -limits["vmax"]

    def test_a_single_value(self) -> None:
        limits = canvas_limits(np.array([[7.0, 7.0]]))
        assert limits["vmin"] < limits["vmax"]

    def test_no_valid_pixel(self, tmp_path: Path) -> None:
        self.write(tmp_path / "in.tif", np.zeros((5, 5), "uint8"), "EPSG:4326", 0)
        png = pictures.save_quicklook(tmp_path / "in.tif", tmp_path / "look.png").read_bytes()
        assert count_colour(png, canvas.NO_DATA) > 50_000

    def test_what_cannot_be_read(self, tmp_path: Path) -> None:
        self.write(tmp_path / "in.tif", np.zeros((5, 5), "uint8"), "EPSG:4326", 0)
        with pytest.raises(rioserrors.GDALLayerNumberError, match=r"'.*in.tif' has no band 2"):
            pictures.save_quicklook(tmp_path / "in.tif", tmp_path / "look.png", band=2)
        with pytest.raises(rioserrors.FileOpenError, match=r"No quicklook of '.*gone.tif'"):
            pictures.save_quicklook(tmp_path / "gone.tif", tmp_path / "look.png")
        assert not (tmp_path / "look.png").exists()


def canvas_limits(values: NDArray[np.float64]) -> dict[str, Any]:
    from rios_flows.reports.pictures.quicklook import _stretch

    return _stretch(np.ma.masked_invalid(values))
