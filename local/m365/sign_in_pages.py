"""The pages of a sign-in: plain forms that need no JavaScript, and names that tests may rely on."""

from collections.abc import Iterable
from html import escape

from local.m365.calls import Reply
from local.m365.directory import User
from local.m365.entra_errors import EntraError
from local.m365.scopes import Asked, describe
from local.m365.sign_in_requests import Attempt

STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:27rem;margin:3rem auto;padding:0 1rem;color:#1b1b1b;"
    "background:#fff}button,input{font:inherit;padding:.5rem .75rem;margin:.25rem 0;width:100%;box-sizing:border-box}"
    ".problem{color:#a4262c}"
)


def chooser(attempt: Attempt, users: Iterable[User], *, typed: str, problem: str) -> Reply:
    """Asks who the person is: `user` names one of a list, `login` anybody."""
    rows = "".join(
        f'<li><button name="user" value="{user.id}" data-upn="{escape(user.upn)}">'
        f"{escape(user.name)} &lt;{escape(user.upn)}&gt;</button></li>"
        for user in users
    )
    told = f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
    return _page(
        "Pick an account",
        f"<p>to continue to {escape(attempt.request.application.name)}</p>{told}"
        + _form(attempt, "login", f"<ul>{rows}</ul>" if rows else "")
        + _form(
            attempt,
            "login",
            '<label for="login">Email, phone, or user name</label>'
            f'<input id="login" name="login" value="{escape(typed)}" autocomplete="username" autofocus>'
            '<button name="action" value="next">Next</button><button name="action" value="cancel">Cancel</button>',
        ),
    )


def consent(attempt: Attempt, user: User, asked: Asked) -> Reply:
    """Lists what the application asks for."""
    names = [*(scope for scopes in asked.resources.values() for scope in scopes), *asked.openid]
    rows = "".join(f'<li data-scope="{escape(name)}">{escape(describe(name))}</li>' for name in names)
    return _page(
        "Permissions requested",
        f"<p>{escape(user.upn)}</p><p>{escape(attempt.request.application.name)} would like to:</p><ul>{rows}</ul>"
        + _form(
            attempt,
            "Consent/Set",
            '<button name="action" value="cancel">Cancel</button><button name="action" value="accept">Accept</button>',
        ),
    )


def approval(attempt: Attempt, user: User) -> Reply:
    """Tells that only an administrator may consent."""
    back = '<button name="action" value="cancel">Return to the application without granting consent</button>'
    return _page(
        "Need admin approval",
        f"<p>{escape(user.upn)}</p><p>{escape(attempt.request.application.name)} needs permission to access resources "
        f"in your organization that only an admin can grant.</p>{_code(EntraError(90094))}"
        + _form(attempt, "Consent/Set", back),
    )


def error(refusal: EntraError, again: Attempt | None = None) -> Reply:
    """Tells the person what nobody else is told."""
    retry = '<button name="action" value="again">Sign in with a different account</button>'
    form = _form(again, "login", retry) if again else ""
    return _page(
        "Sign in", f"<p>Sorry, but we are having trouble signing you in.</p>{_code(refusal)}{form}", status=400
    )


def post_back(url: str, answer: dict[str, str]) -> Reply:
    """Has the browser post the outcome; a script would press the button."""
    fields = "".join(_hidden(name, value) for name, value in answer.items())
    return _page("Working...", f'<form method="post" action="{escape(url)}">{fields}<button>Continue</button></form>')


def _code(refusal: EntraError) -> str:
    return f'<p class="problem" id="error">AADSTS{refusal.code}: {escape(refusal.sentence)}</p>'


def _form(attempt: Attempt, action: str, inside: str) -> str:
    target = escape(f"/{attempt.request.authority}/{action}")
    return f'<form method="post" action="{target}">{_hidden("ctx", attempt.id)}{inside}</form>'


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'


def _page(title: str, body: str, *, status: int = 200) -> Reply:
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>{body}</main></body></html>"
    )
    headers = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"}
    return Reply(status, html.encode(), headers)
