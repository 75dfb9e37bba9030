"""Prefect's two user interfaces, as a person with a browser meets them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Locator, Page, Request, ViewportSize, sync_playwright

#: How long a page may take on a busy machine (ms).
PATIENCE = 60_000

Version = Literal["v2", "v1"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the system's browser: none is downloaded."""
    program = shutil.which("chromium")
    assert program is not None, "there is no chromium"
    arguments = [
        # as root there is no other way
        "--no-sandbox",
        "--disable-background-networking",
        "--disable-component-update",
        # a process of its own that paints by software
        "--disable-gpu",
        "--disable-software-rasterizer",
        # nothing else is reached
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


class Ui:
    """One page of a user interface; nothing but the server is reached."""

    def __init__(self, browser: Browser, api_url: str, version: Version, height: int = 900) -> None:
        self.version = version
        self._base = api_url.removesuffix("/api") + {"v2": "/v2", "v1": ""}[version]
        self._server = urlsplit(api_url).netloc
        #: Hosts that the pages asked for beside the server.
        self.outside: set[str] = set()
        viewport: ViewportSize = {"width": 1300, "height": height}
        context = browser.new_context(viewport=viewport, reduced_motion="reduce")
        context.set_default_timeout(PATIENCE)
        # watched only: what is routed goes through this process, and is cached by no browser
        context.on("request", self._note)
        self.page: Page = context.new_page()

    def _note(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme in ("http", "https") and url.netloc != self._server:
            self.outside.add(url.netloc)

    def close(self) -> None:
        self.page.context.close()

    def open(self, path: str) -> None:
        self.page.goto(f"{self._base}/{path}")

    # the form

    def open_form(self, deployment: object) -> None:
        self.open(f"deployments/deployment/{deployment}/run")
        self.page.locator("textarea").first.wait_for()

    def _area(self, name: str) -> Locator:
        """Return a field with its label."""
        text = re.compile(rf"^{re.escape(name)}( \(Optional\))?$")
        area, label = {
            "v2": ("div.group", "label"),
            "v1": (".schema-form-property", ".schema-form-property__label"),
        }[self.version]
        label_of_it = self.page.locator(label, has_text=text)
        return self.page.locator(area, has=label_of_it).last

    def shows(self, name: str) -> bool:
        """Tell whether the form shows a field."""
        return bool(self._area(name).count())

    def complaint(self, name: str) -> str:
        """Return what the browser itself says against the text of a field."""
        field = self._area(name).locator("input").first
        return str(field.evaluate("each => each.validationMessage"))

    def fill(self, name: str, text: str) -> None:
        self._area(name).locator("input, textarea").first.fill(text)

    def fill_json(self, name: str, value: Any) -> None:
        """Replace what an editor of JSON holds."""
        text = json.dumps(value)
        if self.version == "v1":
            self.fill(name, text)
            return
        editor = self._area(name).locator(".cm-content").first
        editor.click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)
        editor.get_by_text(text).first.wait_for()
        # the form takes what was typed a little later, and shows no sign of it
        self.page.wait_for_timeout(1500)

    def choose(self, name: str, option: str) -> None:
        if self.version == "v2":
            self.page.get_by_label(f"Select {name}", exact=True).click()
            self.page.get_by_role("option", name=option, exact=True).click()
            return
        # a click opens the list and closes it again
        self._area(name).locator(".p-select-button__control").first.press("ArrowDown")
        self.page.locator(".p-select-option").get_by_text(option, exact=True).click()

    def click(self, text: str) -> None:
        """Click a button, tab or entry with this text."""
        self.page.get_by_text(text, exact=True).first.click()

    def submit(self) -> None:
        self.page.get_by_role("button", name="Submit").click()

    # a run

    def open_run(self, run: object, tab: str = "") -> None:
        self.open(f"runs/flow-run/{run}" + (f"?tab={tab}" if tab else ""))

    def cancel(self) -> None:
        """Click Cancel, and confirm it."""
        if self.version == "v2":
            self._change("Cancel")
        else:
            self._change_in_older("Cancel", "Confirm")

    def suspend(self) -> None:
        """Click Suspend, which the newer interface calls Pause, and confirm it."""
        if self.version == "v2":
            self._change("Pause")
        else:
            self._change_in_older("Suspend", "Submit")

    def _change(self, what: str) -> None:
        self.page.get_by_role("button", name="Open menu").first.click()
        self.page.get_by_role("menuitem", name=what, exact=True).click()
        self.page.get_by_role("button", name=f"{what} Flow Run", exact=True).click()

    def _change_in_older(self, what: str, confirmed: str) -> None:
        self.page.get_by_role("button", name=what, exact=True).click()
        dialog = self.page.locator(".p-modal")
        dialog.get_by_role("button", name=confirmed, exact=True).click()
