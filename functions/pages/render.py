"""A page as an answer: rendered, escaped, and with headers that let it do nothing but be read."""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import azure.functions as func
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from functions.pages.words import PROBLEMS
from shared.domain.brands import Brand
from shared.services.sign_ins import Choose, Done, Leave, Problem, Step

_FOLDER = Path(__file__).parent
_OK = 200
_SEE_OTHER = 303


class Action(NamedTuple):
    """Something that the user can do next."""

    label: str
    url: str


def answer(step: Step, brand: Brand) -> func.HttpResponse:
    """Returns what the browser gets for *step*: a page, or the way to another address."""
    if isinstance(step, Leave):
        return func.HttpResponse(status_code=_SEE_OTHER, headers={"Location": step.url, **_common()})
    if isinstance(step, Choose):
        actions = [Action(choice.title, choice.url) for choice in step.choices]
        return _page("Connect your mailbox", "Choose how to sign in.", brand, actions)
    if isinstance(step, Done):
        return _page("Your mailbox is connected", "You can close this page.", brand)
    return _problem(step, brand)


def _problem(problem: Problem, brand: Brand) -> func.HttpResponse:
    words = PROBLEMS[problem.kind]
    known = {
        "detail": problem.detail,
        "mend": problem.mend,
        "signed_in": problem.signed_in,
        "expected": problem.expected,
    }
    actions = [Action(words.again, problem.again)] if problem.again else []
    return _page(words.title, words.text.format(**known), brand, actions, status=problem.status)


def _page(
    title: str, text: str, brand: Brand, actions: list[Action] | None = None, *, status: int = _OK
) -> func.HttpResponse:
    style = _style(brand)
    html = _template().render(title=title, text=text, brand=brand, actions=actions or [], style=Markup(style))  # noqa: S704  our own file and a colour that was checked
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
