"""GDAL's settings: the caller's reach every lane, and the block cache is bounded during a run."""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.env
from rasterio.session import AWSSession

from rios_flows import rioserrors
from rios_flows.gdal import settings as gdalenv
from rios_flows.gdal.settings import CACHE_BYTES, PATIENCE, run_options
from rios_flows.inputs.reading import read_input
from rios_flows.outputs.outputset import OutputSet
from rios_flows.runs import blockwork
from tests.support.jobs import BLOCKS, SmallJob, double
from tests.support.rasters import write_raster
from tests.support.styles import STYLES

MEGABYTE = 2**20


@pytest.fixture(autouse=True)
def no_environment_yet() -> None:
    """Ctrl-C in an earlier test can come while rasterio takes its environment down."""
    if rasterio.env.hasenv():
        rasterio.env.delenv()
        rasterio.env.local._env = None


@pytest.fixture(params=STYLES)
def job(request: pytest.FixtureRequest, tmp_path: Path) -> SmallJob:
    return SmallJob(tmp_path, STYLES[request.param])


def options_now() -> dict[str, Any]:
    return dict(rasterio.env.getenv())


class Watched:
    """Notes the settings that each stage sees."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: dict[str, list[dict[str, Any]]] = {"read": [], "compute": [], "write": []}
        write = OutputSet.write

        def watched_read(*arguments: Any) -> Any:
            self.seen["read"].append(options_now())
            return read_input(*arguments)

        def watched_write(*arguments: Any) -> Any:
            self.seen["write"].append(options_now())
            return write(*arguments)

        monkeypatch.setattr(blockwork, "read_input", watched_read)
        monkeypatch.setattr(OutputSet, "write", watched_write)

    def function(self, info: Any, inputs: Any, outputs: Any) -> None:
        self.seen["compute"].append(options_now())
        double(info, inputs, outputs)


def test_options_and_credentials_reach_every_stage(
    job: SmallJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(monkeypatch)
    session = AWSSession(
        aws_access_key_id="AKIADUMMY", aws_secret_access_key="dummy", region_name="eu-north-1"
    )
    with rasterio.Env(session, GDAL_HTTP_MAX_RETRY=5, CPL_TMPDIR="elsewhere"):
        before = options_now()
        job.run(watched.function)
        assert options_now() == before
    wanted = {
        "AWS_ACCESS_KEY_ID": "AKIADUMMY",
        "AWS_SECRET_ACCESS_KEY": "dummy",
        "AWS_REGION": "eu-north-1",
        "GDAL_HTTP_MAX_RETRY": 5,
        "CPL_TMPDIR": "elsewhere",
    }
    for stage, seen in watched.seen.items():
        assert len(seen) == BLOCKS, stage
        for options in seen:
            assert {name: options.get(name) for name in wanted} == wanted, stage


def test_options_of_one_run_do_not_reach_the_next(
    job: SmallJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(monkeypatch)
    with rasterio.Env(GDAL_HTTP_MAX_RETRY=5):
        job.run(watched.function)
    for seen in watched.seen.values():
        seen.clear()
    job.run(watched.function)
    assert not rasterio.env.hasenv()
    assert len(watched.seen["read"]) == BLOCKS
    assert all("GDAL_HTTP_MAX_RETRY" not in options for options in watched.seen["read"])


def test_an_option_changes_how_pixels_are_read(job: SmallJob) -> None:
    path = write_raster(
        job.folder / "broken.tif",
        job.pixels,
        tiled=True,
        blockxsize=16,
        blockysize=16,
        compress="deflate",
    )
    content = bytearray(path.read_bytes())
    half = len(content) // 2
    # the directory of a GTiff made in one go stands in front, its tiles behind
    content[half:] = b"\xaa" * (len(content) - half)
    path.write_bytes(content)
    job.infiles.image = path
    with rasterio.Env(GTIFF_IGNORE_READ_ERRORS=True):
        job.run()
    assert np.any(job.result() == 0)
    with pytest.raises(rioserrors.ImageReadError):
        job.run()


def test_an_option_changes_how_pixels_are_written(job: SmallJob) -> None:
    with rasterio.Env(GDAL_TIFF_ENDIANNESS="BIG"):
        job.run()
    assert (job.folder / "out.tif").read_bytes()[:2] == b"MM"
    job.run()
    assert (job.folder / "out.tif").read_bytes()[:2] == b"II"


def cache() -> int:
    return int(rasterio.env.get_gdal_config("GDAL_CACHEMAX"))


@pytest.fixture
def cache_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.delenv("GDAL_CACHEMAX", raising=False)
    before = cache()
    assert before != CACHE_BYTES
    yield before
    assert cache() == before


class Bounds:
    """Notes the bound of the cache in every block."""

    def __init__(self) -> None:
        self.seen: set[int] = set()

    def __call__(self, info: Any, inputs: Any, outputs: Any) -> None:
        self.seen.add(cache())
        double(info, inputs, outputs)


def test_the_cache_is_bounded_during_a_run(job: SmallJob, cache_before: int) -> None:
    bounds = Bounds()
    job.run(bounds)
    assert bounds.seen == {64 * MEGABYTE}


def test_the_bound_ends_with_a_run_that_fails(job: SmallJob, cache_before: int) -> None:
    def fails(info: Any, inputs: Any, outputs: Any) -> None:
        raise ValueError("too bad")

    with pytest.raises(rioserrors.WorkerExceptionError):
        job.run(fails)
    assert cache() == cache_before


def test_the_callers_env_wins(job: SmallJob, cache_before: int) -> None:
    bounds = Bounds()
    with rasterio.Env(GDAL_CACHEMAX=100 * MEGABYTE):
        job.run(bounds)
        assert cache() == 100 * MEGABYTE
    assert bounds.seen == {100 * MEGABYTE}


def test_the_users_variable_wins(
    job: SmallJob, cache_before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = Bounds()
    monkeypatch.setenv("GDAL_CACHEMAX", "200")
    job.run(bounds)
    # GDAL looked at the variable long ago, and nobody has set another bound since
    assert bounds.seen == {cache_before}


@pytest.mark.parametrize("first_to_end", [0, 1])
def test_the_last_of_runs_at_the_same_time_takes_the_bound_away(
    tmp_path: Path, cache_before: int, first_to_end: int
) -> None:
    may_end = [threading.Event(), threading.Event()]
    inside = threading.Barrier(3)
    threads = []
    for number in (0, 1):
        folder = tmp_path / str(number)
        folder.mkdir()

        def function(info: Any, inputs: Any, outputs: Any, number: int) -> None:
            if info.isFirstBlock():
                inside.wait(10)
                assert may_end[number].wait(10)
            double(info, inputs, outputs)

        threads.append(threading.Thread(target=SmallJob(folder).run, args=(function, number)))
    threads[0].start()
    threads[1].start()
    inside.wait(10)
    assert cache() == CACHE_BYTES
    for number in (first_to_end, 1 - first_to_end):
        assert cache() == CACHE_BYTES
        may_end[number].set()
        threads[number].join(10)
    assert cache() == cache_before


def test_a_run_that_begins_while_the_last_one_ends(
    cache_before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = gdalenv.CacheShare()
    take = gdalenv.CacheShare.take

    def late(share: gdalenv.CacheShare, nbytes: int) -> None:
        first.end()
        take(share, nbytes)

    # the other run ends between the two steps, if there are two
    monkeypatch.setattr(gdalenv.CacheShare, "take", late)
    second = gdalenv.CacheShare()
    monkeypatch.undo()
    first.end()
    assert cache() == CACHE_BYTES
    second.end()


def test_a_run_inside_a_run_leaves_the_bound(tmp_path: Path, cache_before: int) -> None:
    (tmp_path / "inner").mkdir()
    inner, outer = SmallJob(tmp_path / "inner"), SmallJob(tmp_path)
    bounds = Bounds()

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        inner.run()
        bounds(info, inputs, outputs)

    outer.run(function)
    assert bounds.seen == {CACHE_BYTES}


def test_a_silent_store_is_given_up(job: SmallJob, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PATIENCE:
        monkeypatch.delenv(name, raising=False)
    watched = Watched(monkeypatch)
    job.run(watched.function)
    assert len(watched.seen["read"]) == BLOCKS
    assert all(PATIENCE.items() <= options.items() for options in watched.seen["read"])


@pytest.mark.parametrize("place", ["rasterio.Env", "environment"])
def test_who_wants_to_wait_longer_can(
    job: SmallJob, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    name = "GDAL_HTTP_LOW_SPEED_TIME"
    watched = Watched(monkeypatch)
    if place == "environment":
        monkeypatch.setenv(name, "3600")
        job.run(watched.function)
        assert all(name not in options for options in watched.seen["read"])
    else:
        with rasterio.Env(**{name: 3600}):
            job.run(watched.function)
        assert all(options[name] == 3600 for options in watched.seen["read"])
    assert len(watched.seen["read"]) == BLOCKS


def test_many_files_of_virtual_rasters_stay_open(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "GDAL_MAX_DATASET_POOL_SIZE"
    monkeypatch.delenv(name, raising=False)
    for limit, size in ((256, 100), (1024, 256), (20_000, 1000), (resource.RLIM_INFINITY, 1000)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, limit=limit: (limit, limit))
        assert run_options()[name] == size
    with rasterio.Env(**{name: 450}):
        assert run_options()[name] == 450
    monkeypatch.setenv(name, "450")
    assert name not in run_options()
