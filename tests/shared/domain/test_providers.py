"""Providers: what each of the two kinds of application may be."""

import pytest

from shared.domain.providers import (
    Provider,
    authority_problem,
    base_scopes_problem,
    redirect_problem,
    skip_problem,
    spelt,
)

TENANT = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"


@pytest.mark.parametrize("authority", ["common", "Organizations", "consumers", TENANT, "contoso.onmicrosoft.com"])
def test_users_sign_in_anywhere(authority: str) -> None:
    """Users sign in at a tenant or at an authority of many; an application signs in at a tenant only."""
    assert authority_problem(Provider.OUTLOOK, authority) is None
    own = authority in {TENANT, "contoso.onmicrosoft.com"}
    assert (authority_problem(Provider.OUTLOOK_SERVICE, authority) is None) == own


@pytest.mark.parametrize("authority", ["", "contoso", "everybody", "https://contoso.com"])
def test_an_authority_is_named_rightly(authority: str) -> None:
    """What is neither a tenant nor a shared authority is refused with an example."""
    assert "like contoso.onmicrosoft.com" in (authority_problem(Provider.OUTLOOK, authority) or "")


def test_a_shared_authority_is_spelt_small() -> None:
    """A shared authority is part of an address, where its letters are small; a tenant stays as it was given."""
    assert [spelt("Common"), spelt("Contoso.com")] == ["common", "Contoso.com"]


@pytest.mark.parametrize(
    "url",
    [
        "https://relay.example.com/oauth",
        "http://localhost:7071/oauth",
        "http://127.0.0.1/oauth",
        "http://[::1]:7071/oauth",
    ],
)
def test_a_redirect_url_is_safe(url: str) -> None:
    """Users come back over https, or to this machine; an application without users has nobody to redirect."""
    assert redirect_problem(Provider.OUTLOOK, url) is None
    assert (redirect_problem(Provider.OUTLOOK_SERVICE, url) or "").startswith("must be absent")


UNSAFE = [
    None,
    False,
    "",
    7,
    "/oauth",
    "http://relay.example.com/oauth",
    "http://localhost.example.com/",
    "ftp://localhost/x",
    "https://relay.example.com/oauth#x",
    "https://",
    "https://a b/",
]


@pytest.mark.parametrize("url", UNSAFE)
def test_an_unsafe_redirect_url_is_refused(url: object) -> None:
    """A redirect URL that is missing, relative, not encrypted or with a fragment is refused."""
    assert (redirect_problem(Provider.OUTLOOK, url) or "").startswith("must ")


def test_graph_is_refused_to_users_with_two_ways_out() -> None:
    """Who wants Graph for users is told of both ways out; IMAP, or nothing at all, is taken."""
    told = base_scopes_problem(Provider.OUTLOOK, "api") or ""
    assert '"outlookService"' in told
    assert '"imap"' in told
    assert [base_scopes_problem(Provider.OUTLOOK, value) for value in ("imap", None)] == [None, None]
    assert [base_scopes_problem(Provider.OUTLOOK_SERVICE, value) for value in ("api", None)] == [None, None]
    assert base_scopes_problem(Provider.OUTLOOK_SERVICE, "imap")


def test_what_a_sign_in_needs_cannot_be_skipped() -> None:
    """Without `offline_access`, `openid` and `profile` there is no grant, so they stay."""
    assert '"offline_access"' in (skip_problem(Provider.OUTLOOK, ["SMTP.Send", "Offline_Access"]) or "")
    assert skip_problem(Provider.OUTLOOK, ["SMTP.Send", "email"]) is None
    assert skip_problem(Provider.OUTLOOK_SERVICE, ["openid"]) is None
