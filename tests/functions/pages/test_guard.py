"""A failure of ours is a page that tells nothing of it."""

import asyncio

import azure.functions as func
import pytest

from functions.pages.guard import page_endpoint
from shared.domain.errors import TryLater


@pytest.mark.parametrize(("fails", "status"), [(TryLater("The vault is away."), 503), (KeyError("secret"), 500)])
def test_a_failure_is_a_page(fails: Exception, status: int, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever signs in sees that something went wrong, with the status, and the log says what."""

    async def handler(req: func.HttpRequest) -> func.HttpResponse:
        raise fails

    asked = func.HttpRequest("GET", "https://relay.example.com/oauth", body=b"")
    made = asyncio.run(page_endpoint(handler)(asked))  # type: ignore[arg-type]  a coroutine is awaitable enough
    page = made.get_body().decode()
    assert (made.status_code, made.mimetype) == (status, "text/html")
    assert "Something went wrong here" in page
    assert "vault" not in page
    assert "secret" not in page
    assert "handler" in caplog.text
