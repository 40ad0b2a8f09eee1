"""The mark of a browser comes back as it went out."""

import azure.functions as func
import pytest

from functions.pages.cookies import kept, mark_of

MARK = "m" * 22


def asked(cookie: str) -> func.HttpRequest:
    """Return a request with cookies."""
    return func.HttpRequest("GET", "https://relay.example.com/oauth", headers={"Cookie": cookie}, body=b"")


@pytest.mark.parametrize("secure", [True, False])
def test_a_mark_comes_back(*, secure: bool) -> None:
    """What was kept is found among the browser's other cookies, broken ones too."""
    pair = kept(MARK, secure=secure).partition(";")[0]
    assert mark_of(asked(f"other=1; broken; {pair}"), secure=secure) == MARK


def test_a_neighbours_cookie_is_no_mark() -> None:
    """Over https only the name counts that no neighbour under the same domain can set."""
    assert mark_of(asked(f"sign-in={MARK}"), secure=True) is None
    assert mark_of(asked(""), secure=False) is None
