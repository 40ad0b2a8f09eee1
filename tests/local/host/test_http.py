"""What a function sees of a request, and what a client sees of its answer."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.local.host.conftest import Host, StartHost, start, write_app

APP = """
    import json
    app = func.FunctionApp()
    @app.route("echo/{id}", auth_level=func.AuthLevel.ANONYMOUS)
    async def echo(req: func.HttpRequest) -> str:
        return json.dumps({
            "url": req.url, "params": dict(req.params), "headers": dict(req.headers), "id": req.route_params["id"],
            "body": req.get_body().decode(), "method": req.method,
        })
    @app.route("made", methods=["POST"])
    def made(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("{}", status_code=201, mimetype="application/json", headers={"X-Own": "1"})
    @app.route("dict")
    def gives_dict(req: func.HttpRequest):
        return {"a": 1}
    @app.route("none")
    async def gives_none(req: func.HttpRequest):
        return None
    @app.route("boom")
    async def boom(req: func.HttpRequest) -> str:
        raise ValueError("secret detail")
    @app.route("exit")
    def leaves(req: func.HttpRequest) -> str:
        raise SystemExit(3)
    async def inner(req):
        return "x"
    @app.route("coroutine")
    @functools.wraps(inner)
    def coroutine(req):
        return inner(req)
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """One host for the facts of this file."""
    host = start(write_app(tmp_path_factory.mktemp("app"), APP))
    yield host
    host.stop()


def _raw(host: Host, request: bytes) -> bytes:
    address, _, port = host.url.removeprefix("http://").partition(":")
    with socket.create_connection((address, int(port)), timeout=60) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def test_request(host: Host) -> None:
    """Header names are lower-cased, repeated values comma-joined, empty query values dropped."""
    answer = _raw(
        host,
        b"POST /Echo/a%20b?x=1&x=2&empty=&y=%C3%A4 HTTP/1.1\r\nHost: h:1\r\nX-Two: a\r\nx-two: b\r\n"
        b"Content-Length: 2\r\nConnection: close\r\n\r\nhi",
    )
    seen = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert seen["url"] == "http://h:1/Echo/a%20b?x=1&x=2&empty=&y=%C3%A4"
    assert seen["params"] == {"x": "1,2", "y": "ä"}
    assert seen["headers"]["x-two"] == "a,b"
    assert (seen["id"], seen["body"], seen["method"]) == ("a b", "hi", "POST")


def test_chunked_body(host: Host) -> None:
    """A chunked request reaches the function without its body, as on the real host."""
    answer = requests.post(f"{host.url}/echo/1", data=iter([b"lost"]), timeout=60)
    assert answer.json()["body"] == ""


def test_large_body(host: Host) -> None:
    """A body of megabytes arrives whole, and one beyond 100 MiB is refused unread."""
    assert len(requests.post(f"{host.url}/echo/1", data=b"x" * 3_000_000, timeout=60).json()["body"]) == 3_000_000
    head = f"POST /echo/1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {100 * 1024 * 1024 + 1}\r\n\r\n"
    assert _raw(host, head.encode()).startswith(b"HTTP/1.1 413 ")


def test_response(host: Host) -> None:
    """A str is text/plain, an HttpResponse keeps its status, type and headers."""
    assert requests.get(f"{host.url}/echo/1", timeout=60).headers["content-type"] == "text/plain; charset=utf-8"
    made = requests.post(f"{host.url}/made", timeout=60)
    assert (made.status_code, made.text, made.headers["x-own"]) == (201, "{}", "1")
    assert made.headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["dict", "none", "boom", "exit", "coroutine"])
def test_failure(host: Host, path: str) -> None:
    """An exception, a dict, None, sys.exit or a coroutine from a sync wrapper is a 500 with an empty body."""
    answer = requests.get(f"{host.url}/{path}", timeout=60)
    assert (answer.status_code, answer.content) == (500, b"")


def test_no_route(host: Host) -> None:
    """The root answers 204; an unknown path and a wrong method are 404, never 405."""
    statuses = [requests.get(host.url + path, timeout=60).status_code for path in ("/", "/nowhere", "/made")]
    assert statuses == [204, 404, 404]


def test_keys(start_host: StartHost, tmp_path: Path) -> None:
    """With --enable-auth a function key opens functions, only the master key opens /admin, anonymous stays open."""
    host = start_host(APP, "--enable-auth", "--state", str(tmp_path / "state"))
    keys = json.loads((tmp_path / "state" / "keys.json").read_text())

    def post(path: str, **headers: str) -> int:
        return requests.post(host.url + path, headers=headers, timeout=60).status_code

    assert [post("/echo/1"), post("/made"), post("/made?code=wrong")] == [200, 401, 401]
    assert post(f"/made?code={keys['function']}") == 201
    assert post("/made", **{"x-functions-key": keys["master"]}) == 201
    assert post("/admin/functions/x", **{"x-functions-key": keys["function"]}) == 401
    assert post("/admin/functions/x", **{"x-functions-key": keys["master"]}) == 404
