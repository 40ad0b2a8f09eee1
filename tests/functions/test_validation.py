"""What is wrong with a request is named as its client knows it."""

from typing import Any

import pytest
from pydantic import BaseModel

from functions.accounts import Removal as AccountRemoval
from functions.accounts import Synchronisation
from functions.oauth2 import Removal as AppRemoval
from functions.validation import given_twice, validated
from shared.domain.accounts import AccountQuery
from shared.domain.deliveries import DeliveryQuery
from shared.domain.errors import InvalidRequest
from shared.domain.instance_settings import InstanceSettingsChange, InstanceSettingsQuery
from shared.domain.oauth2 import NewOAuth2App, OAuth2AppChange
from shared.domain.poison import PoisonQuery
from shared.domain.registrations import AccountChange, NewAccount
from shared.domain.replays import NewReplay
from shared.domain.sign_in_links import NewSignInForm
from shared.domain.tokens import NewToken, TokenQuery
from shared.domain.verification import Verification
from tests.factories import CLIENT

BODIES = [
    *(NewAccount, AccountChange, Synchronisation, NewOAuth2App, OAuth2AppChange, Verification, InstanceSettingsChange),
    *(NewReplay, NewSignInForm, NewToken),
]
QUERIES = [AccountQuery, AccountRemoval, AppRemoval, DeliveryQuery, InstanceSettingsQuery, PoisonQuery, TokenQuery]
# What a clumsy or a hostile client writes, and no field asks for.
TEXTS = ["a\x00b", "\x9b", "\ud800", "x" * 40_000]
ODD = [*TEXTS, float("inf"), 10**400, [[[]]], {"a": {"b": 1}}, ["a\x00b"], ["x" * 40_000]]
# What the service refuses, which knows the provider and reads certificates.
LATER = {"certificate", "certificatePassword", "redirectUrl"}
ACCOUNT = {"account": "anna", "oauth2": {"provider": "app", "auth": {"user": "anna@contoso.com"}}}


def fields(model: type[Any], body: dict[str, Any]) -> dict[str, str]:
    """Return what is wrong with *body*: each key and its message."""
    with pytest.raises(InvalidRequest) as refused:
        validated(model, body)
    return {problem.key: problem.message for problem in refused.value.problems}


def test_every_wrong_field_is_named_once() -> None:
    """All that is wrong is told at once: what lacks, what is unknown, and what is deep inside."""
    assert fields(NewAccount, {"oauth2": {"auth": {"user": "a/b"}, "nope": 1}, "colour": "red"}) == {
        "account": '"account" is required',
        "oauth2.provider": '"oauth2.provider" is required',
        "oauth2.auth.user": '"oauth2.auth.user" must be a mailbox\'s address or user principal name: '
        "no spaces, and none of / ? # \\",
        "oauth2.nope": '"oauth2.nope" is not allowed',
        "colour": '"colour" is not allowed',
    }


@pytest.mark.parametrize(
    ("model", "body", "keys"),
    [
        (NewAccount, {**ACCOUNT, "path": 5}, {"path"}),
        (NewAccount, {**ACCOUNT, "notifyFrom": "soon"}, {"notifyFrom"}),
        (NewAccount, {**ACCOUNT, "webhooksCustomHeaders": [{"key": "Host"}]}, {"key", "value"}),
        (OAuth2AppChange, {"authority": "no tenant"}, {"authority"}),
        (OAuth2AppChange, {"authority": "tenant"}, {"tenant"}),
        (NewAccount, {**ACCOUNT, "oauth2": {"provider": "app", "auth": {}}}, {"oauth2.auth.user"}),
        (NewAccount, {**ACCOUNT, "str": 1, "x-y": 2, "a.b": 3}, {"str", "x-y", "a.b"}),
        (NewAccount, {**ACCOUNT, "webhooks_custom_headers": []}, {"webhooks_custom_headers"}),
        (InstanceSettingsChange, {"webhookEvents": ["nope"]}, {"webhookEvents.0"}),
        (InstanceSettingsChange, {"notifyTextSize": "many"}, {"notifyTextSize"}),
    ],
)
def test_keys_are_fields_of_the_request(model: type[Any], body: dict[str, Any], keys: set[str]) -> None:
    """A key is a path of the client's own names and indexes; the types that we tried are not in it."""
    assert {key.removeprefix("webhooksCustomHeaders.0.") for key in fields(model, body)} == keys


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"authority": "common"},
            {"authority": 'Client credentials flow requires a specific tenant ID; "common" is not allowed'},
        ),
        (
            {"certificate": "pem"},
            {"clientSecret": 'give exactly one of "clientSecret", "certificate" and "managedIdentity"; got 2'},
        ),
        (
            {"redirectUrl": "https://relay.example.com/oauth"},
            {
                "redirectUrl": '"redirectUrl" must be absent: nobody signs in to an application-access application, '
                "so nothing is redirected"
            },
        ),
    ],
)
def test_rules_about_several_fields_name_the_one_that_mends_them(
    changes: dict[str, Any], expected: dict[str, str]
) -> None:
    """EmailEngine's own sentence stays as it is, and a rule about the whole body is told at a field."""
    app = {
        "name": "Contoso",
        "provider": "outlookService",
        "clientId": CLIENT,
        "clientSecret": "s",
        "authority": "a.com",
    }
    assert fields(NewOAuth2App, {**app, **changes}) == expected


def test_no_secret_is_echoed() -> None:
    """What is refused is named and never repeated, since it may be a secret."""
    secret = "t0p-s3cret"
    told = [
        fields(NewOAuth2App, {"clientSecret": [secret], "certificate": {"pem": secret}, "certificatePassword": secret}),
        fields(InstanceSettingsChange, {"serviceSecret": f"whsec_{secret}"}),
        fields(NewAccount, {**ACCOUNT, "webhooksCustomHeaders": [{"key": "A", "value": f"{secret}\n"}]}),
        fields(NewAccount, {**ACCOUNT, "imap": {"auth": {"pass": secret}}}),
    ]
    assert all(told)
    assert secret not in str(told)


def test_what_must_be_an_object_is_told_in_our_words() -> None:
    """A text where an object belongs is refused without the name of a class."""
    assert fields(NewAccount, {**ACCOUNT, "oauth2": "app"}) == {"oauth2": '"oauth2" must be an object'}


def test_an_odd_name_can_be_told() -> None:
    """A name that is unknown is told shortened, and half a character is refused where it stands."""
    assert fields(NewAccount, {**ACCOUNT, "x" * 5000: 2}) == {"x" * 100: f'"{"x" * 100}" is not allowed'}
    assert fields(NewAccount, {**ACCOUNT, "name": "\ud800"}) == {"name": '"name" must be valid Unicode text'}
    assert fields(NewAccount, {**ACCOUNT, "\ud800": 1}) == {"": "every name must be valid Unicode text"}
    assert given_twice("\ud800").problems[0].key == "\\ud800"


@pytest.mark.parametrize("model", BODIES, ids=lambda model: model.__name__)
def test_what_no_field_asks_for_is_refused_by_name(model: type[BaseModel]) -> None:
    """An odd value in a body is refused at its own field, whichever that is."""
    for name in (field.alias or name for name, field in model.model_fields.items()):
        for value in ODD if name not in LATER else ["x" * 40_000]:
            wrong = fields(model, {"provider": "outlookService", name: value})
            assert {key for key in wrong if key.partition(".")[0] == name}, (name, value)


@pytest.mark.parametrize("model", QUERIES, ids=lambda model: model.__name__)
def test_an_odd_argument_is_refused_or_finds_nothing(model: type[BaseModel]) -> None:
    """An odd value in a query is refused, or a text that can be looked for."""
    for name in (field.alias or name for name, field in model.model_fields.items()):
        for value in TEXTS:
            try:
                taken = validated(model, {name: value})
            except InvalidRequest:
                assert list(fields(model, {name: value})) == [name]
            else:
                assert taken.model_dump_json()
