"""Settings of the caller's environment reach pyogrio for one call, and no other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyogrio
import pytest
import rasterio

from rios_flows import rioserrors
from rios_flows.files.info import VectorFileInfo
from rios_flows.gdal.pyogrio import call_pyogrio
from rios_flows.gdal.settings import inherited

STORE = "/vsis3/scenes/zones.gpkg"
NAMES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_S3_ENDPOINT", "AWS_HTTPS")


def settings() -> dict[str, Any]:
    return {name: pyogrio.get_gdal_config_option(name) for name in NAMES}


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    yield
    assert settings() == dict.fromkeys(NAMES)


def seen(monkeypatch: pytest.MonkeyPatch, path: str = STORE) -> dict[str, Any]:
    """What pyogrio finds while it reads a file."""
    found: list[dict[str, Any]] = []

    def look(*_: Any, **__: Any) -> None:
        found.append(settings())

    monkeypatch.setattr(pyogrio, "read_info", look)
    call_pyogrio("'zones'", "read_info", path, layer="a")
    return found[0]


OWN = {"AWS_ACCESS_KEY_ID": "name", "AWS_SECRET_ACCESS_KEY": "secret"}


def test_settings_are_there_for_the_call_only(monkeypatch: pytest.MonkeyPatch) -> None:
    with inherited({**OWN, "AWS_HTTPS": "NO"}):
        assert seen(monkeypatch) == {**OWN, "AWS_S3_ENDPOINT": None, "AWS_HTTPS": "NO"}
        assert settings() == dict.fromkeys(NAMES)
    assert seen(monkeypatch) == dict.fromkeys(NAMES)


def test_local_files_need_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with inherited(OWN):
        assert seen(monkeypatch, "/data/zones.gpkg") == dict.fromkeys(NAMES)


def test_what_was_set_before_is_set_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pyogrio.set_gdal_config_options({"AWS_ACCESS_KEY_ID": "other", "AWS_HTTPS": "YES"})
    try:
        with inherited({**OWN, "AWS_HTTPS": "NO"}):
            assert seen(monkeypatch)["AWS_ACCESS_KEY_ID"] == "name"
        assert settings()["AWS_ACCESS_KEY_ID"] == "other"
        assert settings()["AWS_HTTPS"] == "YES"
    finally:
        pyogrio.set_gdal_config_options(dict.fromkeys(NAMES))


def test_what_is_in_the_environment_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "from outside")
    with inherited(OWN):
        assert seen(monkeypatch)["AWS_ACCESS_KEY_ID"] == "name"
    assert settings()["AWS_ACCESS_KEY_ID"] == "from outside"
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert settings()["AWS_ACCESS_KEY_ID"] is None


def test_settings_go_when_the_call_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> None:
        raise pyogrio.errors.DataSourceError("no such key")

    monkeypatch.setattr(pyogrio, "read_info", fail)
    words = "Unable to read 'zones' as a vector: no such key"
    with inherited(OWN), pytest.raises(rioserrors.FileOpenError, match=words):
        call_pyogrio("'zones'", "read_info", STORE)


def test_two_runs_with_different_credentials_see_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    inside = threading.Semaphore(0)
    wrong: list[Any] = []

    def look(path: str, name: str) -> None:
        inside.release()
        # time enough for the other to come between, were there no lock
        for _ in range(20):
            found = pyogrio.get_gdal_config_option("AWS_ACCESS_KEY_ID")
            if found != name:
                wrong.append((name, found))
            threading.Event().wait(0.001)

    monkeypatch.setattr(pyogrio, "read_info", look)

    def run(name: str) -> None:
        with inherited({"AWS_ACCESS_KEY_ID": name}):
            for _ in range(3):
                call_pyogrio("'zones'", "read_info", STORE, name=name)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, ["anna", "berta", "clara", "doris"]))
    assert wrong == []
    assert all(inside.acquire(blocking=False) for _ in range(12))


def test_information_on_files_is_asked_for_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []

    def look(path: str) -> list[Any]:
        found.append(pyogrio.get_gdal_config_option("AWS_S3_ENDPOINT"))
        return []

    monkeypatch.setattr(pyogrio, "list_layers", look)
    with rasterio.Env(AWS_S3_ENDPOINT="127.0.0.1:1"):
        assert VectorFileInfo(STORE).layerCount == 0
    assert found == ["127.0.0.1:1"]
