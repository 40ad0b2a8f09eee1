"""The search of logs finds what it is for."""

import pytest

from local.stack.keys import Keys
from tests.journeys.leaks import leaks

KEYS = Keys("a" * 64, f"k1:{'b' * 43}=", f"whsec_{'c' * 43}=", "d" * 43, "e" * 43)
CLEAN = '07:00:00 INFO relay365: {"event":"delivery.attempted","account":"help","webhook":"default","status":200}'


@pytest.mark.parametrize(
    "told",
    [
        "The order has not arrived",
        "ada@sender.example",
        "Ada Lovelace",
        "where is the järelepärimine",
        "invoice.pdf",
        KEYS.api_token,
        KEYS.client_secret,
        KEYS.sidecar_key,
        KEYS.service_secret.removeprefix("whsec_"),
        KEYS.client_state_keys,
        "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJncmFwaCJ9.c2ln",
        f"1.A{'x' * 120}",
        f"1.R{'x' * 160}",
        "1.k1.abcdefghijklmnopqrstuvwxyz.AAAAAAAAAAAAAAAAAAAAAA",
        "Authorization: Bearer abcdefgh",
        "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=b",
        "GET /accounts/new?data=eyJ&sig=abc",
        "/oauth?code=abc",
        f"v1,{'A' * 43}=",
    ],
)
def test_a_leak_is_found(told: str) -> None:
    """Whatever a log must not tell is found between its lines."""
    assert leaks(CLEAN, KEYS) == []
    assert leaks(f"{CLEAN}\n{told}\n{CLEAN}", KEYS) != []
