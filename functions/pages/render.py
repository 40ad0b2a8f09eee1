"""A page as an answer: rendered, escaped, and with headers that let it do nothing but be read."""

from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

import azure.functions as func
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from functions.pages import cookies
from functions.pages.words import PROBLEMS
from shared.domain.brands import Brand
from shared.services.sign_ins import Choose, Done, Leave, Problem, Step

_FOLDER = Path(__file__).parent
_OK = 200
_SEE_OTHER = 303
# As the words of these pages say.
_A_MINUTE = "60"


class Fact(NamedTuple):
    """Something that the user should know, under its label."""

    label: str
    value: str


class Action(NamedTuple):
    """Something that the user can do next."""

    label: str
    url: str


def answer(step: Step, brand: Brand, *, secure: bool = True) -> func.HttpResponse:
    """Returns what the browser gets for *step*: a page, or the way to another address; *secure* is over https."""
    if isinstance(step, Leave):
        kept = {"Set-Cookie": cookies.kept(step.browser, secure=secure)} if step.browser else {}
        return func.HttpResponse(status_code=_SEE_OTHER, headers={"Location": step.url, **kept, **_common()})
    if isinstance(step, Choose):
        actions = [Action(choice.title, choice.url) for choice in step.choices]
        return _page("Connect your mailbox", "Choose how to sign in.", brand, actions)
    if isinstance(step, Done):
        return _page("Your mailbox is connected", "You can close this page.", brand)
    return _problem(step, brand)


def _problem(problem: Problem, brand: Brand) -> func.HttpResponse:
    words = PROBLEMS[problem.kind]
    facts = [Fact(label, known) for name, label in words.facts.items() if (known := getattr(problem, name))]
    actions = [Action(words.again, problem.again)] if problem.again else []
    page = _page(words.title, words.text, brand, actions, facts, status=problem.status)
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        page.headers["Retry-After"] = _A_MINUTE
    return page


def _page(
    title: str,
    text: str,
    brand: Brand,
    actions: Sequence[Action] = (),
    facts: Sequence[Fact] = (),
    *,
    status: int = _OK,
) -> func.HttpResponse:
    style = _style(brand)
    html = _template().render(
        title=title,
        text=text,
        brand=brand,
        actions=actions,
        facts=facts,
        style=Markup(style),  # noqa: S704  our own file and a colour that was checked
    )
    headers = {"Content-Security-Policy": _policy(style, brand), **_common()}
    return func.HttpResponse(html, status_code=status, mimetype="text/html", charset="utf-8", headers=headers)


def _policy(style: str, brand: Brand) -> str:
    """Returns a policy under which a page runs no script, is framed by nobody and loads its logo only."""
    # https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Content-Security-Policy
    digest = b64encode(sha256(style.encode()).digest()).decode()
    images = f"img-src {brand.logo_origin}; " if brand.logo_origin else ""
    rest = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return f"default-src 'none'; style-src 'sha256-{digest}'; {images}{rest}"


def _common() -> dict[str, str]:
    # The address holds a signature or a code: no cache, log of another site or frame shall learn of it.
    return {
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


def _style(brand: Brand) -> str:
    return f":root{{--brand:{brand.color};--on-brand:{brand.on_color}}}\n{_css()}"


@cache
def _css() -> str:
    return (_FOLDER / "style.css").read_text(encoding="utf-8")


@cache
def _template() -> Template:
    options: dict[str, Any] = {"autoescape": True, "undefined": StrictUndefined, "trim_blocks": True}
    return Environment(loader=FileSystemLoader(_FOLDER), **options).get_template("page.html")  # noqa: S701  autoescape is on, above
