"""The pages of a sign-in are for everybody: keyboards, small screens, dark rooms, screen readers."""

from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.chromium import Visitor
from tests.journeys.conftest import Arrive
from tests.journeys.sign_in_ground import Ground, accept, cancel, pick, register

NARROW = {"width": 320, "height": 568}
# https://www.w3.org/TR/WCAG21/#contrast-minimum
_ENOUGH = 4.5
# Every element with text of its own, its colour, and the colour behind it.
_COLOURS = """() => [...document.querySelectorAll("main *")]
  .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
  .map(e => {
    let behind = e;
    while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
    return [e.textContent, getComputedStyle(e).color, getComputedStyle(behind).backgroundColor];
  })"""
_OUTLINE = "() => getComputedStyle(document.activeElement).outlineStyle"
_NOWHERE = "() => document.activeElement === document.body"
_TOO_WIDE = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def choice(town: Ground) -> Any:
    """Have two applications to choose from, one of them with a long name, and a brand; return what opens the choice."""
    name = "Partnerschaftsverwaltungsgesellschaft mit beschränkter Haftung & Söhne"
    client = town.m365.add_application(
        town.tenant.id, secret=town.stack.keys.client_secret, redirect_uris=[f"{town.api.url}/oauth"]
    )
    second = register(town.stack, client.client_id, title=name, authority=town.tenant.id)
    town.api.post("/v1/settings", {"pageBrandName": "Contoso Desk", "pageSupport": "mailto:help@contoso.example"})
    yield town.link
    town.api.put(f"/v1/oauth2/{second}", {"enabled": False})
    town.api.post("/v1/settings", {"pageBrandName": None, "pageSupport": None})


def problem(town: Ground, page: Page) -> None:
    """Come to a page that tells a problem and offers another try."""
    anna, berta = town.person("anna"), town.person("berta-with-a-name-that-is-longer-than-most-screens-are-wide")
    page.goto(town.link(expectedEmail=anna, type=town.app))
    pick(page, berta)
    accept(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("You signed in with another account")
    page.wait_for_load_state()


def tab_to(page: Page, name: str) -> None:
    """Press Tab on a page that has come, until it takes the key, and see the focus on the link of this name."""
    link = page.get_by_role("link", name=name, exact=True)
    expect(link).to_be_visible()
    for _ in range(20):
        # Only the page in front has the window's focus. A key that comes too early is lost, or taken with the next one.
        page.bring_to_front()
        page.keyboard.press("Tab" if page.evaluate(_NOWHERE) else "Shift+Tab")
        with suppress(AssertionError):
            expect(link).to_be_focused(timeout=3_000)
            return
    expect(link).to_be_focused()


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, as the browser computed them."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    # https://www.w3.org/TR/WCAG21/#dfn-relative-luminance
    channels = [int(part) / 255 for part in color[color.index("(") + 1 : -1].split(",")[:3]]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_keys_are_enough(town: Ground, visitor: Visitor, choice: Any) -> None:
    """Tab and Enter lead through the choice and past a problem, and what has the focus is seen."""
    page, anna = visitor.page, town.person("anna")
    page.goto(choice(account=anna))
    tab_to(page, "Contoso")
    assert page.evaluate(_OUTLINE) == "solid"
    visitor.picture("focus")
    page.keyboard.press("Enter")
    cancel(page)
    tab_to(page, "Try again")
    assert page.evaluate(_OUTLINE) == "solid"
    page.keyboard.press("Enter")
    pick(page, anna)
    accept(page)
    assert town.returned(page)["state"] == "new"


def test_a_narrow_screen_is_wide_enough(town: Ground, arrive: Arrive, choice: Any) -> None:
    """At 320 pixels nothing is cut off, not the longest name either, and what is pressed is big enough for a thumb."""
    visitor = arrive(viewport=NARROW)
    for come in (lambda: visitor.page.goto(choice()), lambda: problem(town, visitor.page)):
        come()
        assert not visitor.page.evaluate(_TOO_WIDE)
        for link in visitor.page.get_by_role("main").get_by_role("listitem").get_by_role("link").all():
            box = link.bounding_box()
            assert box is not None
            # https://www.w3.org/TR/WCAG21/#target-size
            assert box["height"] >= 44
            assert box["x"] + box["width"] <= NARROW["width"]
        visitor.picture(f"narrow-{'choice' if 'accounts' in visitor.page.url else 'problem'}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable(town: Ground, arrive: Arrive, choice: Any, scheme: str) -> None:
    """In light and in dark every text stands out from what is behind it, and the two look different."""
    visitor = arrive(color_scheme=scheme)
    for come in (lambda: visitor.page.goto(choice()), lambda: problem(town, visitor.page)):
        come()
        found = visitor.page.evaluate(_COLOURS)
        assert len(found) >= 4
        assert [each for each in found if contrast(*each[1:]) < _ENOUGH] == []
        ground = visitor.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        assert (_luminance(ground) > 0.5) is (scheme == "light")
        visitor.picture(f"{scheme}-{'choice' if 'accounts' in visitor.page.url else 'problem'}")


def test_a_screen_reader_finds_its_way(town: Ground, visitor: Visitor, choice: Any) -> None:
    """Each page has a language, a title, one main part under one heading, and links that say where they lead."""
    page = visitor.page
    for come, title, link in (
        (lambda: page.goto(choice()), "Connect your mailbox", "Contoso"),
        (lambda: problem(town, page), "You signed in with another account", "Use another account"),
    ):
        come()
        assert page.title() == f"{title} - Contoso Desk"
        assert page.locator("html").get_attribute("lang") == "en"
        expect(page.get_by_role("main")).to_have_count(1)
        expect(page.get_by_role("heading")).to_have_text([title])
        expect(page.get_by_role("main").get_by_role("link", name=link, exact=True)).to_be_visible()
        expect(page.get_by_role("link", name="help@contoso.example")).to_be_visible()
        names = [each.inner_text().strip() for each in page.get_by_role("link").all()]
        assert all(names)
