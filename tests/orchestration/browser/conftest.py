"""A browser for all tests of this directory."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from tests.orchestration.browser.ui import Ui, Version, chromium
from tests.orchestration.served import Server

#: The newer interface loads the code of a service that counts its users. It works without.
TELEMETRY = {"sr-client-cfg.amplitude.com"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if shutil.which("chromium") is None:
        pytest.skip("no chromium: install it, as .ci/run does")
    with chromium() as started:
        yield started


@pytest.fixture
def look(browser: Browser, server: Server) -> Iterator[Callable[[Version], Ui]]:
    """Open pages, and see that they reach nothing outside."""
    opened: list[Ui] = []

    def opens(version: Version) -> Ui:
        opened.append(Ui(browser, server.url, version))
        return opened[-1]

    yield opens
    for ui in opened:
        assert ui.outside <= (TELEMETRY if ui.version == "v2" else set())
        ui.close()
