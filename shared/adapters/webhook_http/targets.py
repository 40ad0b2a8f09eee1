"""Where a webhook's URL leads: the host to dial and the words of the request, each made once."""

import re
from base64 import b64encode
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from urllib.parse import SplitResult, quote, unquote_to_bytes, urlsplit

import idna

from shared.adapters.webhook_http.failures import Failed

_DEFAULT_PORTS = {"https": 443, "http": 80}
# Below 1024 live the mail, file and directory services of somebody's network.
_WELL_KNOWN_ALLOWED = {"https": frozenset({443}), "http": frozenset({80, 443})}
_FIRST_FREE_PORT = 1024
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")
_IN_PATH = "/%:@!$&'()*+,;=~"


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint: `authority` is what the header Host says, `authorization` comes from the URL's userinfo."""

    secure: bool
    host: str
    port: int
    authority: str
    path: str
    authorization: str | None = field(repr=False)

    @property
    def origin(self) -> tuple[bool, str, int]:
        """What two targets share when one connection serves both."""
        return self.secure, self.host, self.port


def read_target(url: str, *, allow_http: bool) -> Target:
    """Reads *url*; raises Failed where it is none that may be posted to."""
    # urlsplit drops tabs and line ends without a word, and browsers see another host before a backslash.
    if any(letter <= " " or letter in "\x7f\\" for letter in url):
        raise Failed("invalid_url")
    try:
        parts = urlsplit(url)
        port = parts.port if parts.port is not None else _DEFAULT_PORTS.get(parts.scheme, 0)
        host = _host(parts.hostname or "")
    except ValueError as error:
        raise Failed("invalid_url") from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise Failed("invalid_url")
    if parts.scheme == "http" and not allow_http:
        raise Failed("insecure_url")
    if port < _FIRST_FREE_PORT and port not in _WELL_KNOWN_ALLOWED[parts.scheme]:
        raise Failed("invalid_url")
    name = f"[{host}]" if ":" in host else host
    return Target(
        secure=parts.scheme == "https",
        host=host,
        port=port,
        authority=name if port == _DEFAULT_PORTS[parts.scheme] else f"{name}:{port}",
        path=_path(parts),
        authorization=_authorization(parts),
    )


def _host(written: str) -> str:
    """Returns the host in ASCII; raises ValueError where it cannot be one."""
    if ":" in written:
        return str(IPv6Address(written))
    # IDNA 2008: the codec of the standard library speaks IDNA 2003, where some names are other people's.
    host = written if written.isascii() else idna.encode(written, uts46=True).decode("ascii")
    # With its final dot a name matches no certificate.
    host = host.removesuffix(".")
    if not _HOST.fullmatch(host):
        raise ValueError("no host name")
    return host


def _path(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe=_IN_PATH)
    return f"{path}?{quote(parts.query, safe=_IN_PATH + '?')}" if parts.query else path


def _authorization(parts: SplitResult) -> str | None:
    if not parts.username and not parts.password:
        return None
    pair = unquote_to_bytes(parts.username or "") + b":" + unquote_to_bytes(parts.password or "")
    return f"Basic {b64encode(pair).decode('ascii')}"
