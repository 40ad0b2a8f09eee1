"""What comes of a POST, whatever the endpoint does."""

import gzip
import logging
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trustme

from shared.adapters.webhook_http.dialer import look_up
from shared.adapters.webhook_http.sender import HttpWebhookSender
from shared.ports.deliveries import BUSY, Post

Endpoint = Any  # the class stands in conftest.py, which nothing imports
Make = Callable[..., Any]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SHORT = timedelta(seconds=0.5)
# Milliseconds after which nobody held to the deadline, however busy the machine is.
LATE = 20_000


def outcome_of(sender: HttpWebhookSender, post: Post) -> tuple[int | None, str | None]:
    """Return status and error of one POST."""
    (outcome,) = sender.send([post])
    return outcome.status, outcome.error


def test_post_arrives_as_it_is(endpoint: Make, sender: Make, post: Make) -> None:
    """Body and headers reach the endpoint unchanged, with credentials from the URL as a header."""
    there = endpoint()
    url = there.url.replace("http://", "http://me:p%40ss@") + "?a=b%20c"
    (outcome,) = sender().send([post(url, body=b"\x00\xff{}", **{"webhook-id": "msg_1"})])
    assert (outcome.status, outcome.error, outcome.retry_after) == (200, None, None)
    head, _, body = there.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /hook?a=b%20c HTTP/1.1"
    assert set(lines[1:]) == {
        f"Host: localhost:{there.port}",
        "User-Agent: test",
        "webhook-id: msg_1",
        "Content-Length: 4",
        "Accept-Encoding: identity",
        "Authorization: Basic " + b64encode(b"me:p@ss").decode(),
    }
    assert body == b"\x00\xff{}"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "2130706433",
        "017700000001",
        "0",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "①②⑦.0.0.1",
        "127。0。0。1",
        "168.63.129.16",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "10.0.0.1",
    ],
)
def test_inner_host_is_refused(endpoint: Make, sender: Make, post: Make, host: str) -> None:
    """However an inner address is written, nothing connects to it."""
    there = endpoint()
    guarded = sender(allowed_networks=[])
    assert outcome_of(guarded, post(f"http://{host}:{there.port}/")) == (None, "address_not_allowed")
    assert there.connections == 0


def test_rebinding_name_is_asked_once(endpoint: Make, sender: Make, post: Make) -> None:
    """A name that points inwards the second time is connected to where it pointed the first time."""
    there = endpoint()
    answers = [look_up("127.0.0.1", there.port), look_up("10.0.0.1", there.port)]
    lookups = []

    def resolve(host: str, port: int) -> Any:
        lookups.append((host, port))
        return answers.pop(0)

    assert outcome_of(sender(resolver=resolve), post(f"http://rebind.example:{there.port}/")) == (200, None)
    assert lookups == [("rebind.example", there.port)]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("gopher://a.example/", "invalid_url"),
        ("http://a.example/", "insecure_url"),
        ("https://nowhere.invalid/", "dns_failed"),
    ],
)
def test_url_leads_nowhere(sender: Make, post: Make, url: str, code: str) -> None:
    """What cannot be posted to has a code of its own."""

    def resolve(host: str, port: int) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert outcome_of(sender(allow_http=False, resolver=resolve), post(url)) == (None, code)


def test_header_that_http_cannot_carry(endpoint: Make, sender: Make, post: Make) -> None:
    """A header with a line end in it is not sent, and its value is nowhere."""
    there = endpoint()
    assert outcome_of(sender(), post(there.url, **{"X-A": "b\r\nX-C: d"})) == (None, "invalid_header")
    assert there.requests == []


def test_nobody_listens(sender: Make, post: Make) -> None:
    """A closed port is told apart from an endpoint that hangs up."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert outcome_of(sender(), post(f"http://localhost:{taken.getsockname()[1]}/")) == (None, "connect_failed")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, None)),
        (b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", (302, None)),
        (b"HTTP/1.1 308 Permanent\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", (308, None)),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 99\r\n\r\ncut sho", (500, None)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", (200, None)),
        (b"SSH-2.0-OpenSSH_9.6\r\n", (None, "bad_response")),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", (None, "bad_response")),
        (b"", (None, "connection_reset")),
    ],
)
def test_answer_has_an_outcome(
    endpoint: Make, sender: Make, post: Make, answer: bytes, expected: tuple[object, object]
) -> None:
    """A status is the outcome as it is, a redirect's too; without one there is a code."""

    def say(_: Endpoint, connected: socket.socket, request: bytes) -> None:
        connected.sendall(answer)

    there = endpoint(say)
    assert outcome_of(sender(), post(there.url)) == expected
    assert len(there.requests) == 1


def test_reset_is_an_outcome(endpoint: Make, sender: Make, post: Make) -> None:
    """An endpoint that resets a fresh connection is not asked again."""

    def reset(_: Endpoint, connected: socket.socket, request: bytes) -> None:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    there = endpoint(reset)
    assert outcome_of(sender(), post(there.url)) == (None, "connection_reset")
    assert there.connections == 1


def test_retry_after_is_passed_on(endpoint: Make, sender: Make, post: Make) -> None:
    """What Retry-After says comes back raw, up to 64 letters."""
    there = endpoint(lambda *_: b"HTTP/1.1 429 Slow\r\nRetry-After: 120" + b"0" * 90 + b"\r\nContent-Length: 0\r\n\r\n")
    (outcome,) = sender().send([post(there.url)])
    assert (outcome.status, outcome.retry_after) == (429, "120" + "0" * 61)


@pytest.mark.parametrize(
    ("first", "drip", "expected"),
    [
        (b"", b"", (None, "timeout")),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", (None, "timeout")),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", (None, "timeout")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b"drop", (200, None)),
        (b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", (503, None)),
    ],
    ids=["silence", "continue", "headers", "body", "chunks"],
)
@pytest.mark.parametrize("secure", [False, True])
def test_dripping_answer_is_cut(
    endpoint: Make,
    sender: Make,
    post: Make,
    trusted: SimpleNamespace,
    *,
    time: Any,
    up_after_the_status: None,
    first: bytes,
    drip: bytes,
    expected: tuple[object, object],
    secure: bool,
) -> None:
    """An answer that never ends is cut at the deadline; a status that came by then stands."""

    def behave(self: Endpoint, connected: socket.socket, request: bytes) -> None:
        connected.sendall(first)
        dripped = 0
        while not self.closing.is_set():
            self.drip(connected, drip)
            dripped += 1
            if dripped == 3 and expected[0] is None:
                time.is_up()

    there = endpoint(behave, trusted.context("localhost") if secure else None)
    assert outcome_of(sender(ca_bundle=trusted.bundle), post(there.url)) == expected


def test_slow_name_is_a_timeout(sender: Make, post: Make) -> None:
    """A name that does not resolve in time holds nobody up beyond the deadline."""
    released = threading.Event()

    def resolve(host: str, port: int) -> Any:
        released.wait(60)
        return []

    (outcome,) = sender(resolver=resolve, timeout=SHORT).send([post("https://slow.example/")])
    released.set()
    assert outcome.error == "timeout"
    assert outcome.milliseconds < LATE


def test_slow_handshake_is_a_timeout(sender: Make, post: Make) -> None:
    """An endpoint that takes the connection and never speaks TLS is cut at the deadline."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        (outcome,) = sender(timeout=SHORT).send([post(f"https://localhost:{silent.getsockname()[1]}/")])
    assert outcome.error == "timeout"
    assert outcome.milliseconds < LATE


@pytest.mark.parametrize("framing", [b"Content-Length: 50000000", b"Connection: close"])
def test_huge_body_is_left_unread(endpoint: Make, sender: Make, post: Make, framing: bytes) -> None:
    """Of a huge answer only the first kilobytes are read, and its connection is not used again."""
    sent = []

    def pour(self: Endpoint, connected: socket.socket, request: bytes) -> None:
        connected.sendall(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n")
        for _ in range(500):
            connected.sendall(b"x" * 100_000)
            sent.append(100_000)

    there = endpoint(pour)
    ours = sender()
    assert outcome_of(ours, post(there.url)) == (200, None)
    assert outcome_of(ours, post(there.url)) == (200, None)
    assert there.connections == 2
    assert sum(sent) < 50_000_000


def test_gzip_bomb_stays_packed(endpoint: Make, sender: Make, post: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compressed answer is read as the bytes it is, and its connection serves on."""
    bomb = gzip.compress(b"\0" * 5_000_000)
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(bomb), bomb)
    there = endpoint(lambda *_: answer)
    monkeypatch.setattr("zlib.decompressobj", None)
    ours = sender()
    assert [outcome_of(ours, post(there.url)) for _ in range(2)] == [(200, None)] * 2
    assert there.connections == 1


def test_early_refusal_of_a_long_body_is_heard(endpoint: Make, sender: Make, post: Make) -> None:
    """An endpoint that answers and hangs up before the body has come is believed."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            accepted, _ = server.accept()
            with accepted:
                accepted.recv(100)
                accepted.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
                accepted.shutdown(socket.SHUT_WR)
                # Not read to the end: the connection is reset once the sender has had its time to read the answer.
                time.sleep(0.2)

        threading.Thread(target=refuse, daemon=True).start()
        url = f"http://localhost:{server.getsockname()[1]}/"
        status, error = outcome_of(sender(), post(url, body=b"x" * 8_000_000))
    assert (status, error) == (413, None)


def test_connection_is_reused(endpoint: Make, sender: Make, post: Make, trusted: SimpleNamespace) -> None:
    """One connection carries POST after POST, with TLS too."""
    for there in (endpoint(), endpoint(tls=trusted.context("localhost"))):
        ours = sender(ca_bundle=trusted.bundle)
        assert [outcome_of(ours, post(there.url)) for _ in range(3)] == [(200, None)] * 3
        assert there.connections == 1


@pytest.mark.parametrize("secure", [False, True])
def test_reused_connection_may_be_gone(
    endpoint: Make, sender: Make, post: Make, trusted: SimpleNamespace, *, secure: bool
) -> None:
    """A kept connection that the endpoint closes instead of answering is replaced once, silently."""

    def once_each(self: Endpoint, connected: socket.socket, request: bytes) -> bytes | None:
        return OK if len(self.requests) in {1, 3} else None

    there = endpoint(once_each, trusted.context("localhost") if secure else None)
    ours = sender(ca_bundle=trusted.bundle)
    assert [outcome_of(ours, post(there.url)) for _ in range(2)] == [(200, None)] * 2
    assert (there.connections, len(there.requests)) == (2, 3)


def test_certificate_vouches_for_the_host(endpoint: Make, sender: Make, post: Make, trusted: SimpleNamespace) -> None:
    """A certificate of a trusted authority for another name is refused before anything is said."""
    there = endpoint(tls=trusted.context("other.example"))
    assert outcome_of(sender(ca_bundle=trusted.bundle), post(there.url)) == (None, "tls_failed")
    assert there.requests == []


def test_unknown_authority_is_refused(endpoint: Make, sender: Make, post: Make, trusted: SimpleNamespace) -> None:
    """A certificate that no public authority signed is refused."""
    there = endpoint(tls=trusted.context("localhost"))
    assert outcome_of(sender(), post(there.url)) == (None, "tls_failed")


def test_international_name_is_spelled_once(endpoint: Make, sender: Make, post: Make, trusted: SimpleNamespace) -> None:
    """Resolver, Host header and certificate all see the same ASCII name."""
    asked = []

    def resolve(host: str, port: int) -> Any:
        asked.append(host)
        return look_up("127.0.0.1", port)

    there = endpoint(tls=trusted.context("xn--fa-hia.example"))
    ours = sender(ca_bundle=trusted.bundle, resolver=resolve)
    assert outcome_of(ours, post(f"https://faß.example:{there.port}/")) == (200, None)
    assert asked == ["xn--fa-hia.example"]
    assert f"\r\nHost: xn--fa-hia.example:{there.port}\r\n".encode() in there.requests[0]


def test_slow_lane_leaves_others_fast(
    endpoint: Make, sender: Make, post: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lane that stays full is busy, over all calls, while another lane is served without a wait."""
    arrived, slow_done, served = threading.Semaphore(0), threading.Event(), list[bytes]()
    # Seconds stand until the quick lane was served: a machine that stands still makes no lane slow.
    monkeypatch.setattr("shared.adapters.webhook_http.lanes.monotonic", lambda: 1.0 if len(served) == 2 else 0.0)

    def wait(self: Endpoint, connected: socket.socket, request: bytes) -> bytes:
        arrived.release()
        slow_done.wait(60)
        return OK

    def answer(self: Endpoint, connected: socket.socket, request: bytes) -> bytes:
        served.append(request)
        return OK

    slow, quick = endpoint(wait), endpoint(answer)
    ours = sender(lane_limit=2, patience=timedelta(seconds=0.1))
    first: list[Any] = []
    call = threading.Thread(target=lambda: first.extend(ours.send([post(slow.url, "slow")] * 3)))
    call.start()
    assert all(arrived.acquire(timeout=60) for _ in range(2))
    posts = [post(slow.url, "slow"), post(quick.url, "quick"), post(slow.url, "slow"), post(quick.url, "quick")]
    outcomes = ours.send(posts)
    assert [outcome.status for outcome in outcomes] == [None, 200, None, 200]
    assert outcomes[0] == outcomes[2] == BUSY
    served.clear()
    slow_done.set()
    call.join()
    assert sorted(outcome.status or 0 for outcome in first) in ([0, 200, 200], [200, 200, 200])
    assert outcome_of(ours, post(slow.url, "slow")) == (200, None)


def test_quick_lane_takes_more_than_its_width(endpoint: Make, sender: Make, post: Make) -> None:
    """Many posts of one call to a quick endpoint take turns and all arrive."""
    quick = endpoint()
    outcomes = sender(lane_limit=2).send([post(quick.url) for _ in range(50)])
    assert [outcome.status for outcome in outcomes] == [200] * 50


def test_posts_are_made_in_parallel(endpoint: Make, sender: Make, post: Make) -> None:
    """Several POSTs of one call are under way at the same time, and outcomes keep their order."""
    together = threading.Barrier(3, timeout=60)

    def meet(self: Endpoint, connected: socket.socket, request: bytes) -> bytes:
        together.wait()
        return b"HTTP/1.1 %b X\r\nContent-Length: 0\r\n\r\n" % request.split(b"/")[1][:3]

    there = endpoint(meet)
    url = f"http://localhost:{there.port}/"
    outcomes = sender().send([post(url + status) for status in ("201", "202", "500")])
    assert [outcome.status for outcome in outcomes] == [201, 202, 500]


def test_nothing_leaves_but_outcomes(
    endpoint: Make, sender: Make, post: Make, caplog: pytest.LogCaptureFixture, up_after_the_status: None
) -> None:
    """A defect becomes an outcome, and no log holds body, header or credential."""
    caplog.set_level(logging.DEBUG)

    def resolve(host: str, port: int) -> Any:
        raise KeyError("hidden-text")

    there = endpoint(lambda *_: b"HTTP/1.1 200 OK\r\nhidden-header\r\nX: hidden-value\r\nContent-Length: 0\r\n\r\n")
    url = there.url.replace("http://", "http://user:hidden-password@")
    # Such an answer has no end, but for the deadline's.
    assert outcome_of(sender(), post(url, body=b"hidden-body", **{"X-A": "hidden-value"})) == (200, None)
    assert outcome_of(sender(resolver=resolve), post(url)) == (None, "internal_error")
    ((told, teller),) = [(each.getMessage(), each.threadName) for each in caplog.records]
    assert (told, teller) == ("webhook.post_broke KeyError", threading.current_thread().name)
    assert "hidden" not in caplog.text


def test_no_posts_no_outcomes(sender: Make) -> None:
    """Nothing to send is nothing to wait for."""
    assert sender().send([]) == []


def test_environment_names_no_proxy(endpoint: Make, sender: Make, post: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment is not used: it would connect for us, past the guard."""
    there, proxy = endpoint(), endpoint()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    assert outcome_of(sender(), post(there.url)) == (200, None)
    assert proxy.connections == 0


@pytest.fixture(scope="session")
def trusted(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Return a bundle with our own authority, and a maker of server contexts that it signed."""
    bundle: Path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(bundle)

    def context(name: str) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(made)
        return made

    return SimpleNamespace(bundle=str(bundle), context=context)
