"""Who has configured an API: found out without Prefect where that is certain."""

from __future__ import annotations

from pathlib import Path

import pytest

from rios_flows.orchestration.api_settings import no_api_possible


@pytest.fixture(autouse=True)
def nothing_set(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PREFECT_API_URL", "PREFECT_PROFILE", "PREFECT_PROFILES_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(folder / "home"))


def test_nothing_is_set() -> None:
    assert no_api_possible()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("home/profiles.toml", 'active = "x"\n[profiles.x]\nPREFECT_API_KEY = "5"\n'),
        ("home/profiles.toml", 'active = "ephemeral"\n[profiles.ephemeral]\n'),
        (".env", "DATA=/data\n"),
        ("pyproject.toml", "[project]\nname = 'x'\n"),
    ],
)
def test_what_says_nothing(folder: Path, file: str, text: str) -> None:
    (folder / "home").mkdir()
    (folder / file).write_text(text)
    assert no_api_possible()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("home/profiles.toml", 'active = "x"\n[profiles.x]\nPREFECT_API_URL = "http://x/api"\n'),
        ("home/profiles.toml", "[profiles.x]\nPREFECT_SERVER_ALLOW_EPHEMERAL_MODE = false\n"),
        (".env", "PREFECT_API_URL=http://x/api\n"),
        (".env", "export prefect_api_url=http://x/api\n"),
        ("prefect.toml", "[api]\nurl = 'http://x/api'\n"),
        ("pyproject.toml", "[tool.prefect.api]\nurl = 'http://x/api'\n"),
    ],
)
def test_what_prefect_must_be_asked_about(folder: Path, file: str, text: str) -> None:
    (folder / "home").mkdir()
    (folder / file).write_text(text)
    assert not no_api_possible()


@pytest.mark.parametrize(
    "name", ["PREFECT_API_URL", "prefect_api_url", "PREFECT_PROFILE", "PREFECT_TEST_MODE"]
)
def test_the_environment(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "x")
    assert not no_api_possible()
