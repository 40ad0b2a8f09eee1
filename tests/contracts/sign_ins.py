"""What whoever signs users in promises: the authorization code flow, and the refreshing of what it brought."""

import json
from typing import Protocol

import pytest

from shared.domain.errors import GrantRefused, SignInCancelled, SignInRefused, TryLater
from shared.domain.oauth2 import OAuth2App
from shared.domain.scopes import missing, scopes_of
from shared.ports.sign_ins import Begun, GrantTokens, SignedIn, SignIns

REDIRECT = "https://relay.example.com/oauth"
ANNA = "anna@contoso.example"


class Office(Protocol):
    """Entra ID with one application and one user, Anna."""

    app: OAuth2App
    sign_ins: SignIns
    tokens: GrantTokens

    def answer(self, begun: Begun, *, accepts: bool = True) -> dict[str, str]:
        """Return what Anna's browser brings back."""

    def revoke(self, refresh_token: str) -> None:
        """Take back what Anna granted."""

    def busy(self, *, busy: bool) -> None:
        """Have the token endpoint answer for now that it is busy."""

    def wrong_secret(self) -> None:
        """Have the application's secret be wrong."""


class SignInsContract:
    """A subclass gives the fixture `office`."""

    def test_a_user_signs_in(self, office: Office) -> None:
        """The code brings who signed in, tokens, their end and what was granted; the flow survives being stored."""
        begun = office.sign_ins.begin(office.app, REDIRECT, state="our-state", login_hint=ANNA)
        answer = office.answer(begun)
        assert answer["state"] == "our-state"
        signed_in = office.sign_ins.finish(office.app, json.loads(json.dumps(begun.flow)), answer)
        assert (signed_in.username, signed_in.name) == (ANNA, "Anna")
        assert signed_in.tenant
        assert signed_in.user
        assert signed_in.access_token != signed_in.refresh_token
        assert missing(signed_in.scopes, scopes_of(office.app)) == ()
        assert signed_in.access_token not in repr(signed_in)
        assert signed_in.refresh_token not in repr(signed_in)

    def test_each_sign_in_has_its_own_secret(self, office: Office) -> None:
        """What a flow keeps secret is not in the link, and serves no other sign-in."""
        begun = office.sign_ins.begin(office.app, REDIRECT, state="s", login_hint=None)
        other = office.sign_ins.begin(office.app, REDIRECT, state="s", login_hint=None)
        assert begun.flow["code_verifier"] not in begun.url
        with pytest.raises(SignInRefused) as refused:
            office.sign_ins.finish(office.app, other.flow, office.answer(begun))
        assert refused.value.mend

    def test_a_code_is_taken_once(self, office: Office) -> None:
        """An answer that was used already is refused."""
        begun = office.sign_ins.begin(office.app, REDIRECT, state="s", login_hint=None)
        answer = office.answer(begun)
        office.sign_ins.finish(office.app, begun.flow, answer)
        with pytest.raises(SignInRefused) as refused:
            office.sign_ins.finish(office.app, begun.flow, answer)
        assert refused.value.reason.startswith("AADSTS")

    @pytest.mark.parametrize("state", ["another", "", None])
    def test_an_answer_to_another_sign_in_is_refused(self, office: Office, state: str | None) -> None:
        """A state that is not the one of this sign-in ends it before anything is asked of Entra ID."""
        begun = office.sign_ins.begin(office.app, REDIRECT, state="ours", login_hint=None)
        answer = {name: value for name, value in office.answer(begun).items() if name != "state"}
        given = answer if state is None else {**answer, "state": state}
        with pytest.raises(SignInRefused) as refused:
            office.sign_ins.finish(office.app, begun.flow, given)
        assert refused.value.reason == "StateMismatch"

    def test_who_declines_has_cancelled(self, office: Office) -> None:
        """A consent that is declined is no fault of anybody's."""
        begun = office.sign_ins.begin(office.app, REDIRECT, state="s", login_hint=None)
        with pytest.raises(SignInCancelled) as cancelled:
            office.sign_ins.finish(office.app, begun.flow, office.answer(begun, accepts=False))
        assert cancelled.value.reason == "AADSTS65004"

    def test_a_wrong_secret_is_the_applications_fault(self, office: Office) -> None:
        """A secret that Entra ID does not know is told with what to do."""
        begun = office.sign_ins.begin(office.app, REDIRECT, state="s", login_hint=None)
        answer = office.answer(begun)
        office.wrong_secret()
        with pytest.raises(SignInRefused) as refused:
            office.sign_ins.finish(office.app, begun.flow, answer)
        assert not isinstance(refused.value, SignInCancelled)
        assert (refused.value.reason, bool(refused.value.mend)) == ("AADSTS7000215", True)

    def test_a_busy_entra_is_try_later(self, office: Office) -> None:
        """Where Entra ID is busy the user may come back later."""
        begun = office.sign_ins.begin(office.app, REDIRECT, state="s", login_hint=None)
        answer = office.answer(begun)
        office.busy(busy=True)
        with pytest.raises(TryLater):
            office.sign_ins.finish(office.app, begun.flow, answer)

    def test_a_sign_in_made_elsewhere_is_taken_over(self, office: Office) -> None:
        """A refresh token tells whose it is, like the sign-in that brought it, until it is taken back."""
        begun = office.sign_ins.begin(office.app, REDIRECT, state="s", login_hint=None)
        made = office.sign_ins.finish(office.app, begun.flow, office.answer(begun))
        adopted = office.sign_ins.adopt(office.app, made.refresh_token)
        assert (adopted.tenant, adopted.user, adopted.username) == (made.tenant, made.user, made.username)
        assert missing(adopted.scopes, made.scopes) == ()
        office.busy(busy=True)
        with pytest.raises(TryLater):
            office.sign_ins.adopt(office.app, made.refresh_token)
        office.busy(busy=False)
        office.revoke(made.refresh_token)
        with pytest.raises(GrantRefused) as refused:
            office.sign_ins.adopt(office.app, made.refresh_token)
        assert refused.value.mend


class GrantTokensContract:
    """A subclass gives the fixture `office`, and may use `signed_in`."""

    @pytest.fixture
    def signed_in(self, office: Office) -> SignedIn:
        """Return what Anna's sign-in brought."""
        begun = office.sign_ins.begin(office.app, REDIRECT, state="s", login_hint=None)
        return office.sign_ins.finish(office.app, begun.flow, office.answer(begun))

    def test_a_grant_is_refreshed(self, office: Office, signed_in: SignedIn) -> None:
        """Each refresh brings a token for the same scopes and another refresh token; the former one stays good."""
        first = office.tokens.refresh(office.app, signed_in.refresh_token)
        again = office.tokens.refresh(office.app, signed_in.refresh_token)
        assert missing(first.scopes, signed_in.scopes) == ()
        assert len({signed_in.refresh_token, first.refresh_token, again.refresh_token}) == 3
        assert office.tokens.refresh(office.app, first.refresh_token or "").expires >= first.expires
        assert first.access_token not in repr(first)

    def test_a_revoked_grant_is_refused_at_once(self, office: Office, signed_in: SignedIn) -> None:
        """What was taken back is refused with Entra's reason and what to do, however often it is asked."""
        office.revoke(signed_in.refresh_token)
        for _ in range(2):
            with pytest.raises(GrantRefused) as refused:
                office.tokens.refresh(office.app, signed_in.refresh_token)
            assert refused.value.reason.startswith("AADSTS")
            assert refused.value.mend

    def test_a_wrong_secret_leaves_the_grant(self, office: Office, signed_in: SignedIn) -> None:
        """The application's fault is not the user's."""
        office.wrong_secret()
        with pytest.raises(SignInRefused) as refused:
            office.tokens.refresh(office.app, signed_in.refresh_token)
        assert not isinstance(refused.value, GrantRefused)

    def test_a_busy_entra_leaves_the_grant(self, office: Office, signed_in: SignedIn) -> None:
        """A refresh that fails for now succeeds later, with the same token."""
        office.busy(busy=True)
        with pytest.raises(TryLater):
            office.tokens.refresh(office.app, signed_in.refresh_token)
        office.busy(busy=False)
        assert office.tokens.refresh(office.app, signed_in.refresh_token).access_token
