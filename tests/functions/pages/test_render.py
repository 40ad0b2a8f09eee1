"""A page says what it should, does nothing by itself, and trusts nothing that it shows."""

import re
from base64 import b64encode
from hashlib import sha256
from typing import Any

import azure.functions as func
import pytest

from functions.pages.render import answer
from functions.pages.words import PROBLEMS
from shared.domain.brands import Brand
from shared.services.sign_ins import Choice, Choose, Done, Leave, Problem, ProblemKind

EVIL = '"><script>alert(1)</script>'
BRAND = Brand(name="Contoso Desk", logo="https://cdn.contoso.com/logo.svg", support="mailto:help@contoso.com")


def text(made: func.HttpResponse) -> str:
    """Return what the browser gets."""
    return made.get_body().decode()


def problem(kind: ProblemKind, **changes: Any) -> Problem:
    """Return a problem with everything in it."""
    values: dict[str, Any] = {
        "detail": "IMAP.AccessAsUser.All",
        "mend": "Consent to it.",
        "signed_in": "berta@contoso.com",
        "expected": "anna@contoso.com",
    }
    return Problem(kind, 403, **{**values, **changes})


@pytest.mark.parametrize("kind", ProblemKind)
def test_every_problem_has_words(kind: ProblemKind) -> None:
    """Each problem is a page with its status and a title of its own."""
    made = answer(problem(kind), BRAND)
    assert made.status_code == 403
    assert PROBLEMS[kind].title in text(made)


def test_who_signed_in_is_told() -> None:
    """The wrong account is named beside the one that is needed, with a button that begins anew."""
    made = text(answer(problem(ProblemKind.WRONG_ACCOUNT, again="https://login.example.com/?a=1&b=2"), BRAND))
    assert "berta@contoso.com" in made
    assert "anna@contoso.com" in made
    assert 'href="https://login.example.com/?a=1&amp;b=2"' in made
    assert "Use another account" in made


def test_what_is_not_known_has_no_label() -> None:
    """A page shows the label of a fact only where there is one."""
    page = text(answer(problem(ProblemKind.REFUSED, mend=""), BRAND))
    assert "<dt>Microsoft&#39;s answer</dt><dd>IMAP.AccessAsUser.All</dd>" in page
    assert "What to do" not in page
    assert "<dl>" not in text(answer(problem(ProblemKind.BUSY), BRAND))


def test_nothing_that_is_shown_is_markup() -> None:
    """What came from outside is text on every page, in the choice and in the brand."""
    pages = [
        answer(
            problem(ProblemKind.WRONG_ACCOUNT, signed_in=EVIL, expected=EVIL, again="https://a.example/" + EVIL), BRAND
        ),
        answer(Choose([Choice(EVIL, "?type=" + EVIL)]), Brand(name=EVIL)),
    ]
    for page in pages:
        assert "<script" not in text(page)
        assert "&lt;script&gt;" in text(page)


def test_a_page_can_do_nothing() -> None:
    """The policy allows one style, the brand's logo, and neither script, frame, form nor base."""
    made = answer(Done("anna", "new"), BRAND)
    style = re.search(r"<style>(.*)</style>", text(made), re.DOTALL)
    assert style
    digest = b64encode(sha256(style.group(1).encode()).digest()).decode()
    policy = dict(part.strip().split(" ", 1) for part in made.headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "img-src": "https://cdn.contoso.com",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert "script" not in text(made)
    assert made.headers["Cache-Control"] == "no-store"
    assert made.headers["Referrer-Policy"] == "no-referrer"


def test_leaving_keeps_no_trace() -> None:
    """The way to another address is a redirect that tells that address nothing of ours."""
    made = answer(Leave("https://app.example.com/back?account=anna"), BRAND)
    assert (made.status_code, made.headers["Location"]) == (303, "https://app.example.com/back?account=anna")
    assert made.headers["Referrer-Policy"] == "no-referrer"
    assert made.get_body() == b""


@pytest.mark.parametrize("secure", [True, False])
def test_the_way_to_microsoft_leaves_a_mark(*, secure: bool) -> None:
    """The browser keeps its mark for this host only, out of reach of scripts and of other sites' requests."""
    cookie = answer(Leave("https://login.example.com/", "m" * 22), BRAND, secure=secure).headers["Set-Cookie"]
    assert cookie.split("; ") == [
        f"{'__Host-' if secure else ''}sign-in={'m' * 22}",
        "Path=/",
        "Max-Age=86400",
        "HttpOnly",
        "SameSite=Lax",
        *(["Secure"] if secure else []),
    ]


def test_the_choice_is_a_list_of_links() -> None:
    """Each application is a link with its title, which works without script and by keyboard."""
    made = text(answer(Choose([Choice("Work account", "?type=a"), Choice("Other", "?type=b")]), BRAND))
    assert re.findall(r'<a class="button" href="([^"]+)">([^<]+)</a>', made) == [
        ("?type=a", "Work account"),
        ("?type=b", "Other"),
    ]
    assert '<html lang="en">' in made
    assert "mailto:help@contoso.com" in made
