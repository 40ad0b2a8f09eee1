"""Errors: each carries what its caller needs, and the drawing of the tree is the tree."""

import re

import pytest

from shared.domain import errors
from shared.domain.errors import FieldProblem, Forbidden, InvalidRequest, OAuth2AppInUse, RelayError, SignInRefused


def test_the_tree_is_as_drawn() -> None:
    """The module's docstring draws every error there is, at its place."""
    assert errors.__doc__
    drawn = re.findall(r"^ *[*x+] (\w+)", errors.__doc__, re.MULTILINE)
    found = [name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, RelayError)]
    assert sorted(drawn) == sorted(found)
    for parent, children in re.findall(r"^  x (\w+).*\n((?:    \+ .*\n)+)", errors.__doc__, re.MULTILINE):
        for child in re.findall(r"\+ (\w+)", children):
            assert issubclass(getattr(errors, child), getattr(errors, parent))


@pytest.mark.parametrize(
    ("problem", "status", "code", "message", "extras"),
    [
        (InvalidRequest(), 400, None, "Invalid input", {}),
        (
            InvalidRequest(FieldProblem("account", '"account" is required')),
            400,
            None,
            "Invalid input",
            {"fields": [{"message": '"account" is required', "key": "account"}]},
        ),
        (errors.NotAuthenticated("Bad token"), 401, None, "Bad token", {}),
        (
            Forbidden("Unauthorized scope", requestedScope="api"),
            403,
            None,
            "Unauthorized scope",
            {"requestedScope": "api"},
        ),
        (errors.AccountNotFound("anna"), 404, None, "Account record was not found for requested ID", {}),
        (errors.OAuth2AppNotFound("app"), 404, "NotFound", "Document was not found", {}),
        (errors.DeliveryNotFound("1_a_b"), 404, "NotFound", "No delivery is kept as '1_a_b'.", {}),
        (errors.TokenNotFound(), 404, "NotFound", "Requested access token was not found", {}),
        (
            OAuth2AppInUse("app", 3),
            409,
            "ForceRequired",
            "3 account(s) still use the application 'app': delete them first, or repeat with force=true.",
            {"accounts": 3},
        ),
        (errors.NotDeliverable("PayloadExpired", "It has expired."), 409, "PayloadExpired", "It has expired.", {}),
        (errors.Changed(), 409, None, "", {}),
        (errors.TryLater("Graph is busy."), 503, "TryLater", "Graph is busy.", {}),
        (
            errors.MailboxRefused("No such mailbox.", reason="ErrorInvalidUser", mend="Check the address."),
            403,
            "AuthenticationFails",
            "No such mailbox.",
            {},
        ),
        (errors.Misconfigured("API_TOKEN is missing"), 500, "Misconfigured", "API_TOKEN is missing", {}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, RelayError) else "",
)
def test_what_a_caller_is_told(
    problem: RelayError, status: int, code: str | None, message: str, extras: dict[str, object]
) -> None:
    """Each error has its status, EmailEngine's code where there is one, its sentence and its details."""
    assert (problem.status_hint, problem.code, str(problem), problem.extras()) == (status, code, message, extras)


def test_a_refused_sign_in_says_what_to_do() -> None:
    """Entra's own code, the mend and the request go with a refused sign-in."""
    refused = SignInRefused("Token request failed", reason="AADSTS7000215", mend="Upload a new client secret.")
    assert (refused.reason, refused.mend, refused.token_request) == (
        "AADSTS7000215",
        "Upload a new client secret.",
        {},
    )
    assert (refused.status_hint, refused.code) == (403, "AuthenticationFails")
