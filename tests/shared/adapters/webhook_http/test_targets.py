"""How a webhook's URL is read."""

from base64 import b64encode

import pytest

from shared.adapters.webhook_http.failures import Failed
from shared.adapters.webhook_http.targets import Target, read_target


def read(url: str) -> Target:
    """Read *url* where http:// is allowed."""
    return read_target(url, allow_http=True)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example", (True, "a.example", 443, "a.example", "/")),
        ("https://A.Example.:443/b?c=d", (True, "a.example", 443, "a.example", "/b?c=d")),
        ("http://a.example:8080/ä?ö=%20'", (False, "a.example", 8080, "a.example:8080", "/%C3%A4?%C3%B6=%20'")),
        ("https://faß.example/", (True, "xn--fa-hia.example", 443, "xn--fa-hia.example", "/")),
        ("https://xn--fa-hia.example/", (True, "xn--fa-hia.example", 443, "xn--fa-hia.example", "/")),
        ("https://[2606:4700::1111]:8443/", (True, "2606:4700::1111", 8443, "[2606:4700::1111]:8443", "/")),
    ],
)
def test_url_is_read(url: str, expected: tuple[object, ...]) -> None:
    """Scheme, host, port, Host header and path come from the URL, in ASCII."""
    target = read(url)
    assert (target.secure, target.host, target.port, target.authority, target.path) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "ftp://a.example/",
        "https://a.example:25/",
        "https://a.example:80/",
        "https://a.example:0/",
        "https://a.example:99999/",
        "https://a.example:x/",
        "https://[::1/",
        "https://[::g]/",
        "https://a b.example/",
        "https://a.example/\r\nX: y",
        "https://a.example/\tb",
        "https://a.example\\@b.example/",
        "https://-a-.example/",
        "https://☃☃☃" + "a" * 70 + ".example/",
    ],
)
def test_nonsense_is_refused(url: str) -> None:
    """What is no URL to post to, or a port of somebody's inner service, is an invalid URL."""
    with pytest.raises(Failed, match=r"^invalid_url$"):
        read(url)


def test_http_needs_permission() -> None:
    """http:// is refused unless the operator allows it."""
    with pytest.raises(Failed, match=r"^insecure_url$"):
        read_target("http://a.example/", allow_http=False)


def test_userinfo_becomes_authorization() -> None:
    """The URL's user and password become a header, stay out of host and path, and are not printed."""
    target = read("https://me:p%40ss%C3%A9@a.example/")
    assert target.authorization == "Basic " + b64encode("me:p@ssé".encode()).decode()
    assert (target.authority, target.path) == ("a.example", "/")
    assert "Basic" not in repr(target)
