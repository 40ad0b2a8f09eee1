"""Chromium from the distribution's packages, driven by Playwright; nothing is downloaded."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_INSTALL = "No Chromium is installed. On Debian and Ubuntu: sudo apt-get install --no-install-recommends chromium"
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# A page with a status of 4xx is a page all the same; Chromium calls it a failure to load.
_STATUS = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")


def find() -> str:
    """Return the browser's program; skips where none is installed, unless REQUIRE_CHROMIUM=1 forbids that."""
    program = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if program is None:
        if os.environ.get("REQUIRE_CHROMIUM") == "1":
            pytest.fail(f"REQUIRE_CHROMIUM=1, and: {_INSTALL}")
        pytest.skip(_INSTALL)
    return program


@contextmanager
def browsing(program: str) -> Iterator[Browser]:
    """Start one browser. While it lives, an event loop counts as running in this thread."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_QUIET), timeout=120_000)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visitor:
    """One person's browser: its page, and what the browser complained about."""

    context: BrowserContext
    page: Page
    screenshots: Path
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Hear what the browser complains about: script errors and what a policy forbids among it."""
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def picture(self, name: str) -> None:
        """Keep what the person sees, for whoever looks at the pages after a run."""
        self.screenshots.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=self.screenshots / f"{name}.png", full_page=True)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not _STATUS.match(message.text):
            self.complaints.append(message.text)
