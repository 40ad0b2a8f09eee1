"""What clumsy and hostile clients send is refused by name, and never breaks anything."""

import pytest

from tests.functions.client import Client, fields, path_to

SURROGATE_CURSOR = "eyJSb3dLZXkiOiJcdWQ4MDAifQ"  # {"RowKey":"\ud800"}


@pytest.mark.parametrize(
    ("method", "path", "body", "key"),
    [
        ("GET", f"/v1/accounts?cursor={SURROGATE_CURSOR}", b"", "cursor"),
        ("GET", "/v1/accounts?page=%EF%BC%91", b"", "page"),
        ("GET", "/v1/accounts?pageSize=1e999", b"", "pageSize"),
        ("GET", "/v1/accounts?state=init&state=init", b"", "state"),
        ("GET", f"/v1/accounts?{'x' * 5000}=1", b"", "x" * 100),
        ("GET", "/v1/deliveries?webhook=default&since=9999-12-31T23:59:59-12:00", b"", "since"),
        ("GET", "/v1/deliveries?webhook=default&since=0001-01-01T00:00:00%2B05:00", b"", "since"),
        ("GET", "/v1/settings?webhooks=", b"", "webhooks"),
        ("GET", f"/v1/tokens/account/{'x' * 5000}", b"", "account"),
        ("PUT", "/v1/account/nobody", b'{"path":"\\ud800"}', "path"),
        ("PUT", "/v1/account/nobody", b'{"name":"a","name":"b"}', "name"),
        ("PUT", "/v1/account/nobody", b'{"imap":' + b'{"a":' * 900 + b"1" + b"}" * 901, "imap"),
        ("PUT", "/v1/account/nobody/sync", b'{"sync":1e999}', "sync"),
        ("PUT", "/v1/oauth2/none", b'{"clientId":"a\\u0000"}', "clientId"),
        ("POST", "/v1/settings", b'{"serviceUrl":[]}', "serviceUrl"),
        ("POST", "/v1/settings", b'{"serviceUrl":"https://relay.example.com:99999"}', "serviceUrl"),
        ("POST", "/v1/tokens", b'{"description":"d","account":"a","metadata":"{"}', "metadata"),
        ("POST", "/v1/account", '{"account":"an\u200bna"}'.encode(), "account"),
    ],
)
def test_bad_input_is_named(api: Client, method: str, path: str, body: bytes, key: str) -> None:
    """Whatever is wrong, in a path, a query or a body, is a 400 that names it."""
    assert key in fields(api.call(method, path, body))


def test_a_body_of_another_kind_is_told_so(api: Client) -> None:
    """What is no JSON, is twice as long as anything, or does not decode, is refused with a sentence."""
    told = {
        b"\xff": (400, "The body must be JSON."),
        b'{"a":NaN}': (400, "The body must be JSON."),
        b"account=anna": (400, "The body must be JSON."),
        b"[]": (400, "The body must be a JSON object."),
        b" " * (1024 * 1024 + 1): (413, "The body must be 1048576 bytes or fewer."),
    }
    for body, expected in told.items():
        answer = api.call("PUT", "/v1/account/nobody", body)
        assert (answer.status, answer.json()["message"]) == expected


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "text/plain; charset=utf-16", "", "\x01"]
)
def test_a_body_is_json_whatever_it_is_called(api: Client, content_type: str) -> None:
    """The Content-Type of a body does not count: it is JSON, or it is refused."""
    answer = api.call("PUT", "/v1/account/nobody", b'{"colour":1}', headers={"Content-Type": content_type})
    assert fields(answer) == {"colour": '"colour" is not allowed'}


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PATCH"])
def test_methods_that_nobody_serves(api: Client, method: str) -> None:
    """A method that a route does not have is the host's 404, with or without a token."""
    assert [api.call(method, "/v1/accounts", token=token).status for token in ("", None)] == [404, 404]


@pytest.mark.parametrize("name", ["\0", "\udcff", "x" * 5000, "\u202e", "²_a", "9" * 40 + "_a", "-5_a", "1_\0"])
def test_ids_that_nobody_gave(api: Client, name: str) -> None:
    """An id that cannot be is one that is not there, on every route that reads by it."""
    encoded = path_to(name.encode(errors="surrogateescape").decode(errors="replace"))
    for path in ("account", "oauth2", "deliveries", "tokens"):
        assert api.get(f"/v1/{path}{encoded}").status == 404
    assert api.post(f"/v1/deliveries{encoded}/resend", {}).status == 404
    assert api.delete(f"/v1/poison{encoded}").status == 404


@pytest.mark.parametrize("path", ["notification", "lifecycle"])
def test_a_stranger_cannot_keep_us_reading(api: Client, path: str) -> None:
    """What is far larger than anything Graph posts is refused unread."""
    answer = api.call("POST", f"/oauth/msg/{path}", b"[" * (16 * 1024 * 1024 + 1), token=None)
    assert (answer.status, answer.json()["message"]) == (413, "The body must be 16777216 bytes or fewer.")
