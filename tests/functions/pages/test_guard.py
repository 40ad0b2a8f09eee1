"""A failure of ours is a page that tells nothing of it."""

import asyncio
import json
import logging
from concurrent.futures import ThreadPoolExecutor

import azure.functions as func
import pytest

from functions.pages.guard import page_endpoint
from functions.requests import PATIENCE
from functions.threads import in_thread
from shared.domain.errors import TryLater
from shared.patience import left, waste


@pytest.mark.parametrize(
    ("fails", "status", "told"),
    [(TryLater("The vault is away."), 503, "The vault is away."), (KeyError("secret"), 500, "KeyError")],
)
def test_a_failure_is_a_page(fails: Exception, status: int, told: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever signs in sees that something went wrong, with the status, and the log says what."""
    caplog.set_level(logging.INFO, "relay365")

    async def handler(req: func.HttpRequest) -> func.HttpResponse:
        raise fails

    asked = func.HttpRequest("GET", "https://relay.example.com/oauth", body=b"")
    made = asyncio.run(page_endpoint(handler)(asked))  # type: ignore[arg-type]  a coroutine is awaitable enough
    page = made.get_body().decode()
    assert (made.status_code, made.mimetype) == (status, "text/html")
    assert "Something went wrong here" in page
    assert "vault" not in page
    assert "secret" not in page
    (line,) = [json.loads(record.getMessage()) for record in caplog.records if record.name == "relay365"]
    assert (line["function"], line["error"]) == ("handler", told)


def test_a_page_has_some_patience() -> None:
    """A page that waited in vain for as long as it may says that something went wrong, whichever thread waited."""

    async def handler(req: func.HttpRequest) -> func.HttpResponse:
        await in_thread(lambda: waste(PATIENCE.total_seconds(), "The vault"), threads)
        return func.HttpResponse(str(left()))

    asked = func.HttpRequest("GET", "https://relay.example.com/oauth", body=b"")
    with ThreadPoolExecutor(1) as threads:
        made = asyncio.run(page_endpoint(handler)(asked))  # type: ignore[arg-type]  a coroutine is awaitable enough
    assert (made.status_code, made.headers["Retry-After"]) == (503, "60")
