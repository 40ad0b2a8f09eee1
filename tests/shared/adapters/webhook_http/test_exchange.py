"""What goes over the wire."""

from shared.adapters.webhook_http.exchange import headers_to_send
from shared.adapters.webhook_http.targets import read_target

TARGET = read_target("https://me:secret@a.example:8443/", allow_http=False)


def test_headers_are_complete() -> None:
    """Host, user agent and the URL's credentials join the headers that the delivery brings."""
    assert headers_to_send(TARGET, {"webhook-id": "1"}, "us") == {
        "Host": "a.example:8443",
        "User-Agent": "us",
        "Authorization": "Basic bWU6c2VjcmV0",
        "webhook-id": "1",
    }


def test_explicit_authorization_wins() -> None:
    """A header of the delivery's own stands alone, however it is spelled."""
    headers = headers_to_send(TARGET, {"authorization": "Bearer x"}, "us")
    assert [value for name, value in headers.items() if name.lower() == "authorization"] == ["Bearer x"]
