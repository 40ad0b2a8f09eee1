"""Tokens are kept, renewed ahead, and asked for once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.clouds import Cloud
from shared.domain.errors import SignInRefused, TryLater
from shared.domain.oauth2 import OAuth2App

Answer = tuple[int, dict[str, Any], dict[str, str]]
OUTAGE: Answer = (503, {"error": "temporarily_unavailable"}, {"Retry-After": "20"})
WRONG_SECRET: Answer = (401, {"error": "invalid_client", "error_codes": [7000215]}, {})
NO_CONSENT: Answer = (400, {"error": "unauthorized_client", "error_codes": [700016]}, {})
GOOD: Answer = (200, {"token_type": "Bearer", "expires_in": 3599, "access_token": "good"}, {})


def test_a_token_is_asked_for_once(office: Any, app: OAuth2App) -> None:
    """A good token serves from memory; the request names Graph, and nobody but this cloud's Entra ID is asked."""
    assert [office.entra.token(app) for _ in range(3)] == ["token-1"] * 3
    (form,) = office.authority.forms
    assert form["scope"] == "https://graph.microsoft.com/.default"
    assert form["client_secret"] == "s3cret+&%"
    assert set(office.authority.hosts) == {"login.microsoftonline.com"}


def test_each_cloud_has_its_own_hosts(office: Any, app: OAuth2App) -> None:
    """An application of another cloud signs in there, for that cloud's Graph."""
    office.entra.token(app.model_copy(update={"cloud": Cloud.GCC_HIGH}))
    assert set(office.authority.hosts) == {"login.microsoftonline.us"}
    assert office.authority.forms[0]["scope"] == "https://graph.microsoft.us/.default"


def test_a_token_is_renewed_ahead(office: Any, app: OAuth2App) -> None:
    """Less than five minutes before its end a token is renewed, and the new one serves."""
    office.authority.reply = lambda: (200, {**GOOD[1], "access_token": f"token-{len(office.authority.forms)}"}, {})
    office.entra.token(app)
    office.clock.forward(seconds=3599 - 301)
    assert office.entra.token(app) == "token-1"
    office.clock.forward(seconds=2)
    # MSAL counts by the machine's own clock, which stood still: its cache would call the first token young.
    office.entra._seats[app.id].sign_in = None
    assert office.entra.token(app) == "token-2"


def test_a_renewal_that_fails_is_nobodys_trouble(office: Any, app: OAuth2App) -> None:
    """While a token is good, an outage of Entra ID goes unnoticed, and is not asked about at each call."""
    office.entra.token(app)
    office.clock.forward(minutes=57)
    office.entra._seats[app.id].sign_in = None
    office.authority.reply = lambda: OUTAGE
    assert [office.entra.token(app) for _ in range(3)] == ["token-1"] * 3
    assert len(office.authority.forms) == 2
    office.clock.forward(minutes=3)
    with pytest.raises(TryLater):
        office.entra.token(app)


class CountingLock:
    """A lock that knows who came to it."""

    def __init__(self) -> None:
        self.comers: list[int] = []
        self._lock = threading.Lock()

    def acquire(self, *, timeout: float) -> bool:
        """Come, and wait for the lock."""
        self.comers.append(threading.get_ident())
        return self._lock.acquire(timeout=timeout)

    def release(self) -> None:
        """Go."""
        self._lock.release()


def test_callers_share_one_request(office: Any, app: OAuth2App) -> None:
    """Ten callers without a token wait for one request, and share its token."""
    office.authority.held_up = threading.Event()
    with ThreadPoolExecutor(10) as callers:
        waiting = [callers.submit(office.entra.token, app) for _ in range(10)]
        _until(lambda: office.authority.forms)
        office.authority.held_up.set()
        assert {call.result() for call in waiting} == {"token-1"}
    assert len(office.authority.forms) == 1


def test_callers_share_one_refusal(office: Any, app: OAuth2App) -> None:
    """Those who waited for a request that was refused do not repeat it; the next one does."""
    office.authority.reply = lambda: WRONG_SECRET
    office.authority.held_up = threading.Event()
    office.entra._seat(app).lock = lock = CountingLock()
    with ThreadPoolExecutor(10) as callers:
        waiting = [callers.submit(office.entra.token, app) for _ in range(10)]
        _until(lambda: len(lock.comers) == 10)
        office.authority.held_up.set()
        assert all(isinstance(call.exception(), SignInRefused) for call in waiting)
    assert len(office.authority.forms) == 1
    with pytest.raises(SignInRefused):
        office.entra.token(app)
    assert len(office.authority.forms) == 2


def test_a_consent_that_was_just_given_counts_at_once(office: Any, app: OAuth2App) -> None:
    """A refusal is not remembered: what was mended works with the next call."""
    office.authority.reply = lambda: NO_CONSENT
    with pytest.raises(SignInRefused):
        office.entra.token(app)
    office.authority.reply = lambda: GOOD
    assert office.entra.token(app) == "good"


def test_entra_is_left_alone_as_long_as_it_asks(office: Any, app: OAuth2App) -> None:
    """After a Retry-After nobody asks before its end."""
    office.authority.reply = lambda: OUTAGE
    for _ in range(3):
        with pytest.raises(TryLater) as caught:
            office.entra.token(app)
    assert caught.value.retry_after == timedelta(seconds=20)
    assert len(office.authority.forms) == 1
    office.authority.reply = lambda: GOOD
    office.clock.forward(seconds=21)
    assert office.entra.token(app) == "good"


def test_a_new_secret_counts_at_once(office: Any, app: OAuth2App) -> None:
    """Another revision of an application signs in anew, with its own secret."""
    office.entra.token(app)
    assert office.entra.token(app.model_copy(update={"revision": "2", "secret": "r2"})) == "token-2"
    assert office.authority.forms[1]["client_secret"] == "newer"


def test_a_token_that_graph_refuses_is_dropped_once(office: Any, app: OAuth2App) -> None:
    """Of many who are refused together the first drops the token; the new one is too young to be the one meant."""
    office.entra.token(app)
    office.clock.forward(minutes=1)
    for _ in range(3):
        office.entra.forget(app)
        assert office.entra.token(app) == "token-2"


def test_inspecting_goes_past_every_cache(trusted: Any, real: Any) -> None:
    """A check signs in anew and tells the roles, and a consent that is missing shows as no role."""
    entra, app = real()
    entra.token(app)
    assert "Mail.ReadWrite" in entra.inspect(app).roles
    trusted.m365.faults(no_roles={"count": 1})
    assert entra.inspect(app).roles == ()
    assert trusted.m365.stats()["calls"]["token"] == 3


def _until(happened: Any) -> None:
    for _ in range(6000):
        if happened():
            return
        time.sleep(0.01)
    pytest.fail("It did not happen within a minute.")
