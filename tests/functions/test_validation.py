"""What is wrong with a request is named as its client knows it."""

from typing import Any

import pytest

from functions.validation import given_twice, validated
from shared.domain.accounts import NewAccount
from shared.domain.errors import InvalidRequest
from shared.domain.instance_settings import InstanceSettingsChange
from shared.domain.oauth2 import NewOAuth2App, OAuth2AppChange
from tests.factories import CLIENT

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
