"""Restrictions of an access token: from which addresses and pages it may be used, and how often."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from shared.domain.fields import plain
from shared.domain.models import ApiModel, Carried
from shared.domain.rate_limits import NewRateLimit, RateLimit

# Of IPv6 addresses, those that stand for IPv4 ones.
_MAPPED_PREFIX = 96


def _network(value: str) -> IPv4Network | IPv6Network:
    """Returns the network *value*, an address or a range in CIDR notation; raises ValueError for anything else."""
    _, slash, prefix = value.partition("/")
    # Python takes a mask too, and reads 0.0.0.255 as its opposite.
    if "%" in value or (slash and not prefix.isdecimal()):
        raise ValueError
    network = ip_network(value, strict=False)
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is None or network.prefixlen < _MAPPED_PREFIX:
        return network
    return IPv4Network((mapped, network.prefixlen - _MAPPED_PREFIX), strict=False)


def _address(value: str) -> str:
    try:
        _network(value)
    except ValueError:
        raise ValueError('must be an IP address or a range in CIDR notation, like "203.0.113.0/24"') from None
    return value


def _listed(value: Any) -> Any:
    # As in EmailEngine, one alone needs no list, and false is none. An empty list might mean that, or nobody.
    if value is False or value is None or value == "":
        return ()
    if value == []:
        raise ValueError("must name at least one, or be false")
    return (value,) if isinstance(value, str) else value


def _false_is_absent(value: Any) -> Any:
    return None if value is False else value


Address = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64), AfterValidator(_address)]
Referrer = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1024), AfterValidator(plain)
]


class NewRestrictions(ApiModel):
    """Restrictions as a request names them; a `*` in a referrer stands for anything."""

    addresses: Annotated[tuple[Address, ...], Field(max_length=100), BeforeValidator(_listed)] = ()
    referrers: Annotated[tuple[Referrer, ...], Field(max_length=100), BeforeValidator(_listed)] = ()
    rate_limit: Annotated[NewRateLimit | None, BeforeValidator(_false_is_absent)] = None


class Restrictions(Carried):
    """What a token is kept to; where one of them is empty, it restricts nothing."""

    addresses: tuple[str, ...] = ()
    referrers: tuple[str, ...] = ()
    rate_limit: RateLimit | None = None

    def admit_address(self, address: IPv4Address | IPv6Address | None) -> bool:
        """Tells whether the token may be used from *address*; None, from which nobody can tell, is in no list."""
        if not self.addresses:
            return True
        return address is not None and any(address in _network(each) for each in self.addresses)

    def admit_referrer(self, referrer: str) -> bool:
        """Tells whether the token may be used by the page *referrer*."""
        return not self.referrers or any(_fits(each.lower(), referrer.lower()) for each in self.referrers)


def holding(restrictions: NewRestrictions | None) -> NewRestrictions | None:
    """Returns *restrictions* where they restrict anything."""
    return restrictions if restrictions and any(value for _, value in restrictions) else None


def shown(restrictions: Restrictions) -> dict[str, Any]:
    """Returns *restrictions* as the API shows them: what does not restrict is false."""
    limit = restrictions.rate_limit
    return {
        "referrers": _or_false(restrictions.referrers),
        "addresses": _or_false(restrictions.addresses),
        "rateLimit": {"maxRequests": limit.max_requests, "timeWindow": limit.time_window} if limit else False,
    }


def _or_false(values: Iterable[str]) -> list[str] | bool:
    return list(values) or False


def _fits(pattern: str, text: str) -> bool:
    """Tells whether *text* is *pattern*, in which `*` stands for anything, in time linear in both."""
    first, *others = pattern.split("*")
    if not others:
        return text == first
    last = others.pop()
    if not (text.startswith(first) and text.endswith(last) and len(text) >= len(first) + len(last)):
        return False
    middle = text[len(first) : len(text) - len(last)]
    for part in filter(None, others):
        _, found, middle = middle.partition(part)
        if not found:
            return False
    return True
