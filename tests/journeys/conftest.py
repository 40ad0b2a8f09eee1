"""One browser and one stack for all tests that sign somebody in."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.chromium import Visitor, browsing, find
from tests.journeys.sign_in_ground import Ground, ground

Arrive = Callable[..., Visitor]
# Milliseconds in which a page must have come; a machine that has other work too is slow.
_PATIENCE = 60_000


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the browser's program."""
    return find()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Return the browser, which must be gone before other tests run event loops of their own."""
    expect.set_options(timeout=_PATIENCE)
    with browsing(chromium) as started:
        yield started


@pytest.fixture(scope="session")
def town(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Return the parts of a sign-in; without a browser nothing is started for it."""
    del chromium
    with ground(tmp_path_factory.mktemp("sign-in")) as started:
        yield started


@pytest.fixture
def arrive(browser: Browser, root: Path, request: pytest.FixtureRequest) -> Iterator[Arrive]:
    """Return a maker of visitors, each with cookies of their own; in the end nothing was complained about."""
    visitors: list[Visitor] = []

    def come(**options: Any) -> Visitor:
        # The simulated Microsoft 365 has a certificate of its own authority.
        context = browser.new_context(ignore_https_errors=True, **options)
        context.set_default_timeout(_PATIENCE)
        visitor = Visitor(context, context.new_page(), root / ".dev" / "state" / "screenshots")
        visitor.listen()
        visitors.append(visitor)
        return visitor

    yield come
    for number, visitor in enumerate(visitors):
        visitor.picture(f"{request.node.name}-{number}".replace("/", "-"))
        visitor.context.close()
    assert [visitor.complaints for visitor in visitors if visitor.complaints] == []


@pytest.fixture
def visitor(arrive: Arrive) -> Visitor:
    """Return one person's browser."""
    return arrive()
