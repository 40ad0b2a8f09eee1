"""
Quotas: how many calls about subscriptions we may make, over all processes together.

Graph counts an application's calls in each tenant and over all of them, in 20 seconds that begin it does not say when.
So we count in windows of 5 seconds: any 20 seconds touch five of those, and five together stay a tenth below what Graph
allows. The tenth is for calls that take their time, for clocks that differ, and for whatever else uses the application.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pydantic import Field

from shared.domain.models import Carried

WINDOW = timedelta(seconds=5)
# Nobody takes more than a part of what is left, so that no process keeps what another could use.
_PART = 4


class CallKind(StrEnum):
    """What Graph counts apart: creating, renewing and ending subscriptions; reading one; listing them."""

    WRITE = "write"
    READ = "read"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Limit:
    """How many calls fit a window, of an application `in_tenant` and `over_all` tenants."""

    in_tenant: int
    over_all: int


# Graph allows 500 and 2,000 in 20 seconds, of lists 25 and 40.
# https://learn.microsoft.com/graph/throttling-limits
LIMITS = {
    CallKind.WRITE: Limit(in_tenant=90, over_all=360),
    CallKind.READ: Limit(in_tenant=90, over_all=360),
    CallKind.LIST: Limit(in_tenant=4, over_all=7),
}


class QuotaUse(Carried):
    """
    What was `used` of one application's quota in one `window`, by tenant, and how far those reach who wait in `line`.

    A place in the line is a number: it comes up in the window that it makes when divided by the tenant's limit.
    """

    window: int = 0
    used: dict[str, int] = Field(default_factory=dict)
    line: dict[str, int] = Field(default_factory=dict)

    def take(self, tenant: str, limit: Limit, *, window: int, want: int) -> tuple["QuotaUse", int]:
        """Returns the use after up to *want* calls were taken in *window* or a later one, and how many those are."""
        now = self._at(window)
        used = now.used.get(tenant, 0)
        room = min(limit.in_tenant - used, limit.over_all - sum(now.used.values()))
        granted = min(want, -(-room // _PART)) if room > 0 else 0
        return now.model_copy(update={"used": {**now.used, tenant: used + granted}}), granted

    def queue(self, tenant: str, limit: Limit, *, window: int, want: int) -> tuple["QuotaUse", int]:
        """Returns the use after *want* places were taken at the end of the tenant's line, and the first of them."""
        now = self._at(window)
        first = max(now.line.get(tenant, 0), (now.window + 1) * limit.in_tenant)
        return now.model_copy(update={"line": {**now.line, tenant: first + want}}), first

    def _at(self, window: int) -> "QuotaUse":
        # Where another's clock is ahead, its window is everybody's.
        return self if window <= self.window else self.model_copy(update={"window": window, "used": {}})


def window_of(moment: datetime) -> int:
    """Returns the number of the window that *moment* lies in."""
    return int(moment.timestamp() // WINDOW.total_seconds())


def beginning_of(window: int) -> datetime:
    """Returns the moment at which *window* begins."""
    return datetime.fromtimestamp(window * WINDOW.total_seconds(), UTC)
