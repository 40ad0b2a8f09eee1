"""Access tokens: how they are named, and how far they reach."""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.domain.restrictions import Restrictions
from shared.domain.tokens import Action, Group, NewPermissions, NewToken, Permissions, Scope, Token, token_id, view
from tests.factories import a_token
from tests.fakes.clock import START


@given(st.binary(min_size=32, max_size=32))
def test_an_id_is_the_hash_of_the_tokens_bytes(value: bytes) -> None:
    """A token's id is the SHA-256 of its bytes, as in EmailEngine, however its hex is written."""
    assert token_id(value.hex()) == token_id(value.hex().upper()) == hashlib.sha256(value).hexdigest()


def test_any_text_has_an_id() -> None:
    """A token that a deployment chose freely is hashed as text."""
    assert token_id("correct horse, batterie, 馬") == hashlib.sha256("correct horse, batterie, 馬".encode()).hexdigest()


@given(
    st.sets(st.sampled_from(Action)), st.sets(st.sampled_from(Group)), st.sampled_from(Action), st.sampled_from(Group)
)
def test_what_is_not_named_is_denied(actions: set[Action], groups: set[Group], action: Action, group: Group) -> None:
    """Permissions allow what they name on both lists, and `admin` to nobody."""
    allowed = Permissions(actions=tuple(actions), groups=tuple(groups)).allow(action, group)
    assert allowed == (action in actions and group in groups and group is not Group.ADMIN)


def test_emailengines_further_names_are_taken() -> None:
    """Permissions may name actions and groups that only EmailEngine has; they allow nothing here."""
    named = NewPermissions.model_validate({"actions": ["send", "read"], "groups": ["submit", "account"]})
    permissions = Permissions(**dict(named))
    assert permissions.allow(Action.READ, Group.ACCOUNT)
    assert not permissions.allow(Action.READ, Group.WEBHOOK)


@pytest.mark.parametrize(
    ("scopes", "api", "metrics"),
    [((Scope.API,), True, False), ((Scope.METRICS,), False, True), ((Scope.ALL,), True, True)],
)
def test_how_far_a_scope_reaches(scopes: tuple[Scope, ...], *, api: bool, metrics: bool) -> None:
    """A token reaches the scopes that it names; `*` reaches all."""
    token = a_token(scopes=scopes)
    assert (token.has(Scope.API), token.has(Scope.METRICS)) == (api, metrics)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"description": ""}, "at least 1 character"),
        ({"scopes": []}, "at least 1 item"),
        ({"scopes": ["smtp"]}, "Input should be 'api', 'metrics' or '*'"),
        ({"expires": "2026-03-02T09:30:00"}, "timezone"),
        ({"ip": "10.0.0"}, "must be an IP address"),
        ({"restrictions": {"hours": "9-17"}}, "Extra inputs are not permitted"),
    ],
)
def test_what_a_token_cannot_be(changes: dict[str, Any], told: str) -> None:
    """Each wrong field is refused; a restriction that would not hold is not taken in silence."""
    with pytest.raises(ValidationError) as refused:
        NewToken.model_validate({"description": "CRM", **changes})
    assert told in refused.value.errors()[0]["msg"]


def test_a_token_opens_the_api_unless_it_says_otherwise() -> None:
    """A new token has the scope `api`, as in EmailEngine."""
    assert NewToken(description="CRM").scopes == (Scope.API,)


@pytest.mark.parametrize("given", [None, {}, {"addresses": False, "referrers": "", "rateLimit": False}])
def test_a_restriction_of_nothing_is_none(given: dict[str, Any] | None) -> None:
    """Restrictions that restrict nothing are not kept, so that a version that knows none takes the token."""
    assert NewToken.model_validate({"description": "CRM", "restrictions": given}).restrictions is None


def test_a_token_is_listed_without_its_value() -> None:
    """The list shows what a token is for; its value is not kept."""
    token = a_token(
        account="anna",
        permissions=Permissions(actions=("read",), groups=("account",)),
        restrictions=Restrictions(addresses=("203.0.113.0/24",)),
        expires=START,
    )
    assert view(token) == {
        "id": "0" * 64,
        "account": "anna",
        "description": "CRM",
        "metadata": None,
        "ip": None,
        "scopes": ["api"],
        "restrictions": {"referrers": False, "addresses": ["203.0.113.0/24"], "rateLimit": False},
        "permissions": {"actions": ["read"], "groups": ["account"]},
        "created": "2026-03-02T09:30:00.000Z",
        "expires": "2026-03-02T09:30:00.000Z",
    }


@pytest.mark.parametrize(
    "added",
    [
        {"networks": ["10.0.0.0/8"]},
        {"permissions": {"hours": "9-17"}},
        {"restrictions": {"hours": "9-17"}},
        {"restrictions": {"rate_limit": {"max_requests": 1, "time_window": 1, "burst": 1}}},
    ],
)
def test_a_token_that_a_newer_version_narrowed_is_not_understood(added: dict[str, Any]) -> None:
    """What is held under a name that is not known here may narrow the token; a name that holds nothing does not."""
    plain = a_token(permissions=Permissions(actions=("read",))).model_dump()
    assert Token.model_validate({**plain, "networks": None}).is_understood
    assert not Token.model_validate({**plain, **added}).is_understood
