"""Callers: from where a request comes, as far as its headers can be believed."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request: `forwarded_for` is its X-Forwarded-For, `referrer` its Referer."""

    forwarded_for: str = ""
    referrer: str = ""

    def address(self, proxies: int) -> IPv4Address | IPv6Address | None:
        """
        Returns the address from which the first of *proxies* was called, or None where nobody can tell.

        Each proxy appends the address that called it. What stands further left is the caller's own word.
        """
        # App Service's front end is one such proxy: https://learn.microsoft.com/azure/app-service/configure-language-nodejs#detect-https-session
        entries = self.forwarded_for.split(",")
        return _parsed(entries[-proxies].strip()) if 0 < proxies <= len(entries) else None


def _parsed(entry: str) -> IPv4Address | IPv6Address | None:
    # The front end appends the port too: `203.0.113.9:49196`, `[2001:db8::1]:49196`.
    host = entry[1:].partition("]")[0] if entry.startswith("[") else entry
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
