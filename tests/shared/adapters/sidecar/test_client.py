"""The way to the sidecar, and everything that may be on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from shared.adapters.sidecar import wire
from shared.adapters.sidecar.client import SidecarClient, SidecarDependency
from shared.domain.errors import MailboxRefused, NoSidecar, TryLater

KEY = "k" * 32
OTHER = "o" * 32
ASKED = wire.FoldersAsked(account="a", incarnation="1")


@contextmanager
def answering(status: int, body: bytes) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """Run a server that always answers so; yield its address and what it was asked, with which key."""
    asked: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def do_GET(self) -> None:
            asked.append((self.path, self.headers["Authorization"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Location", "http://169.254.169.254/")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_call_is_a_post_with_the_key() -> None:
    """A call goes to its name, with the key; the answer is what was asked for."""
    with answering(200, wire.encode(wire.Placed(message="m"))) as (url, asked):
        assert SidecarClient(url, KEY).call("move", ASKED, wire.Placed).message == "m"
    assert asked == [("/v1/move", f"Bearer {KEY}")]


@pytest.mark.parametrize("status", [200, 302, 404, 502])
def test_somebody_else_answers(status: int) -> None:
    """What answers in other words is no sidecar: the call passes, no redirect is followed, nothing of it is told."""
    with answering(status, b"<html>") as (url, asked), pytest.raises(TryLater, match=f"answers {status}") as told:
        SidecarClient(url, KEY).call("folders", ASKED, wire.Tree)
    assert len(asked) == 1
    assert told.value.__context__ is None


def test_a_refusal_is_raised() -> None:
    """What the sidecar refuses is raised with its reason and its mend."""
    told = wire.encode(wire.Refused.of(MailboxRefused("No.", reason="OverQuota", mend="Make room.")))
    with answering(403, told) as (url, _), pytest.raises(MailboxRefused) as refused:
        SidecarClient(url, KEY).call("folders", ASKED, wire.Tree)
    assert (refused.value.reason, refused.value.mend) == ("OverQuota", "Make room.")


def test_a_key_that_is_refused_is_followed_by_the_next() -> None:
    """While the key changes a sidecar that knows one of the two is asked with either; one that knows none says so."""
    refused = wire.encode(wire.Refused(kind="TryLater", code="Unauthorized", message="The key is missing or wrong."))
    with answering(401, refused) as (url, asked), pytest.raises(NoSidecar, match="SIDECAR_KEY must be the same"):
        SidecarClient(url, KEY, OTHER).call("move", ASKED, wire.Placed)
    assert [key for _, key in asked] == [f"Bearer {KEY}", f"Bearer {OTHER}"]
    with answering(200, wire.encode(wire.Placed(message="m"))) as (url, asked):
        SidecarClient(url, KEY, OTHER).call("move", ASKED, wire.Placed)
    assert [key for _, key in asked] == [f"Bearer {KEY}"]


def test_the_key_is_told_to_nobody() -> None:
    """Neither an error's text nor the log names the key."""
    with pytest.raises(NoSidecar) as refused:
        SidecarClient("http://127.0.0.1:1", KEY).call("folders", ASKED, wire.Tree)
    assert KEY not in str(refused.value)


def test_health_asks_the_sidecar(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sidecar is well where it says so, and not where it is ill or away."""
    monkeypatch.setattr("shared.adapters.sidecar.client._HEALTH_SECONDS", 60.0)
    with answering(200, b"{}") as (url, asked):
        SidecarDependency(SidecarClient(url, KEY)).check()
    assert asked == [("/health", None)]
    with answering(503, b"{}") as (url, _), pytest.raises(TryLater):
        SidecarDependency(SidecarClient(url, KEY)).check()
    with pytest.raises(NoSidecar):
        SidecarDependency(SidecarClient("http://127.0.0.1:1", KEY)).check()
