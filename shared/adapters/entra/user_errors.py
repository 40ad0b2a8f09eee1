"""
What Entra ID's refusals mean where a user is involved: whose fault it is, and what that person should do.

`invalid_grant` and its kin concern the user; what else there is concerns the application, and `errors` reads it.
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#error-codes-for-token-endpoint-errors
"""

from collections.abc import Mapping
from datetime import datetime

from shared.adapters.entra.errors import MEND, Refusal, passes, read_refusal, reason_of, sentence_of, token_request
from shared.domain.errors import GrantRefused, RelayError, SignInCancelled, SignInRefused, TryLater
from shared.domain.oauth2 import OAuth2App

_OF_THE_USER = frozenset(
    {"invalid_grant", "interaction_required", "login_required", "consent_required", "access_denied"}
)
_AGAIN = "Let the user sign in again; all accounts of this sign-in recover then."
_REVOKED = "The password was changed, or the user's sessions were revoked. " + _AGAIN
_UNUSED = "The sign-in was not used for too long. " + _AGAIN
_CONSENT = (
    "The consent was withdrawn, or never given: let the user sign in again and consent, or an administrator consent."
)
_PROOF = "The tenant asks for another proof (multi-factor authentication). " + _AGAIN
_POLICY = (
    "A Conditional Access policy of the tenant blocks the sign-in: have an administrator exclude this application."
)
_DISABLED = (
    "The user's account is disabled, locked or deleted: have an administrator enable it, then let the user sign in."
)
_ADMINISTRATOR = "Have an administrator of the tenant grant admin consent to the application, then let the user repeat."
_ASSIGNMENT = "Have an administrator assign the user to the application in Entra ID (Enterprise applications, Users)."
_BEGIN_AGAIN = "Begin the sign-in again: its answer can be used once, within ten minutes."

# https://learn.microsoft.com/entra/identity-platform/reference-error-codes
USER_MEND = {
    50173: _REVOKED,
    50133: _REVOKED,
    50055: _REVOKED,
    700082: _UNUSED,
    70043: _UNUSED,
    700084: _UNUSED,
    65001: _CONSENT,
    65004: _CONSENT,
    50076: _PROOF,
    50078: _PROOF,
    50079: _PROOF,
    50072: _PROOF,
    50158: _PROOF,
    50005: _POLICY,
    53000: _POLICY,
    53001: _POLICY,
    53003: _POLICY,
    530032: _POLICY,
    50053: _DISABLED,
    50057: _DISABLED,
    50034: _DISABLED,
    90093: _ADMINISTRATOR,
    90094: _ADMINISTRATOR,
    50105: _ASSIGNMENT,
    54005: _BEGIN_AGAIN,
    70008: _BEGIN_AGAIN,
    501481: _BEGIN_AGAIN,
    50148: _BEGIN_AGAIN,
    9002313: _BEGIN_AGAIN,
}
_DECLINED = 65004
_PASSING = frozenset({"server_error", "temporarily_unavailable"})
#: What comes back through a browser may be as long as it likes.
_LONGEST = 512


def read_grant_refusal(found: Refusal, app: OAuth2App, now: datetime) -> RelayError:
    """Returns why a refresh failed: GrantRefused (the user's part), SignInRefused (the application's) or TryLater."""
    if passes(found) or found.error not in _OF_THE_USER:
        return read_refusal(found, app, now)
    return GrantRefused(
        sentence_of(found),
        reason=reason_of(found),
        mend=_mend(found, _AGAIN),
        token_request=token_request(found, app),
    )


def read_code_refusal(found: Refusal, app: OAuth2App, now: datetime) -> RelayError:
    """Returns why the code of a sign-in was not taken: SignInRefused or TryLater."""
    if passes(found) or found.error not in _OF_THE_USER:
        return read_refusal(found, app, now)
    return SignInRefused(
        sentence_of(found),
        reason=reason_of(found),
        mend=_mend(found, _BEGIN_AGAIN),
        token_request=token_request(found, app),
    )


def read_return(found: Refusal) -> RelayError:
    """Returns why the user came back without a code: SignInCancelled, SignInRefused or TryLater."""
    sentence = sentence_of(found)[:_LONGEST]
    if passes(found) or found.error in _PASSING:
        return TryLater(f"Entra ID cannot sign the user in now: {sentence}")
    if _DECLINED in found.codes or (found.error == "access_denied" and not found.codes):
        return SignInCancelled(
            sentence if found.description else "The user cancelled the sign-in.",
            reason=reason_of(found),
            mend="Sign in again, and accept what the application asks for.",
        )
    reason = reason_of(found)[:_LONGEST] or "NoCode"
    return SignInRefused(sentence, reason=reason, mend=_mend(found, f"Entra ID says: {sentence}"))


def _mend(found: Refusal, otherwise: str) -> str:
    tables: tuple[Mapping[int, str], ...] = (USER_MEND, MEND)
    return next((table[code] for table in tables for code in found.codes if code in table), otherwise)
