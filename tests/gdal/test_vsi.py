"""Files by GDAL's names: what is in them, what they are made of, and what a store says of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio

from rios_flows.gdal import silence
from rios_flows.gdal.silence import why_not_sent, why_silent
from rios_flows.gdal.vsi import contents_of, files_of
from tests.support.rasters import coordinates, write_raster
from tests.support.stores import Store, serving


def test_the_contents_of_a_small_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"some\0thing")
    assert contents_of(str(path)) == b"some\0thing"
    (tmp_path / "empty").touch()
    assert contents_of(str(tmp_path / "empty")) == b""
    with pytest.raises(OSError, match=r"b.json' cannot be read"):
        contents_of(str(tmp_path / "b.json"))
    path.write_bytes(bytes(2**20 + 1))
    with pytest.raises(OSError, match=r"a.json' cannot be read"):
        contents_of(str(path))


def test_bands_and_files_of_a_raster(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", coordinates(3, 20, 30, "uint8"))
    assert files_of(str(path)) == (3, [str(path)])
    with rasterio.open(path, "r+") as dataset, rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False):
        dataset.write_mask(np.ones((20, 30), bool))
    assert files_of(str(path)) == (3, [str(path), f"{path}.msk"])
    with pytest.raises(OSError, match=r"GDAL cannot open '.*b.tif'"):
        files_of(str(tmp_path / "b.tif"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Serve a folder with one raster."""
    write_raster(tmp_path / "a.tif", coordinates(1, 20, 30, "uint8"))
    with serving(tmp_path) as store:
        yield store


def answering(store: Store, status: int, but: str = "nothing") -> None:
    """Have a store answer so, but for one name."""
    usual = store.respond

    def respond(path: str, wanted: str) -> tuple[int, dict[str, str], bytes]:
        return usual(path, wanted) if but in path else (status, {}, b"")

    store.respond = respond  # type: ignore[method-assign]


def test_local_files_and_stores_that_answer_are_not_silent(tmp_path: Path, store: Store) -> None:
    assert why_silent(str(tmp_path / "nothing.tif")) is None
    for name in ("a.tif", "nothing.tif"):
        assert why_silent(f"http://{store.address}/{name}") is None
    answering(store, 403)
    assert why_silent(f"http://{store.address}/b.tif") is None


def test_a_store_that_does_not_answer_is_asked_again_later(tmp_path: Path) -> None:
    write_raster(tmp_path / "a.tif", coordinates(1, 20, 30, "uint8"))
    with serving(tmp_path) as store:
        address = store.address
    with rasterio.Env(GDAL_HTTP_MAX_RETRY="0"):
        for path in (f"http://{address}/a.tif", f"/vsizip/vsicurl/http://{address}/a.zip/a.tif"):
            assert "CURL error" in str(why_silent(path))


@pytest.mark.parametrize(
    ("status", "beside", "sent"),
    [
        # a missing chunk has nothing but nodata
        (404, "a.tif", None),
        # so it is with a missing one that one may not ask for, if others are sent
        (403, "a.tif", None),
        (403, "b.tif", "403"),
        (500, "a.tif", "500"),
    ],
)
def test_why_a_chunk_was_not_sent(
    store: Store, status: int, beside: str, sent: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    silence._told.clear()
    answering(store, status, but="a.tif")
    root = f"/vsicurl/http://{store.address}"
    with rasterio.Env(GDAL_HTTP_MAX_RETRY="0", GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        why = why_not_sent(f"{root}/0.0", f"{root}/{beside}")
        assert why_not_sent(f"{root}/a.tif", f"{root}/a.tif") is None
    assert sent == why if sent is None else sent in str(why)
    told = [text for text in caplog.messages if "is treated as missing" in text]
    assert len(told) == (status == 403 and beside == "a.tif")
