"""The sidecar shows what it keeps open."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from sidecar.gauges import show
from tests.sidecar.ground import until


@dataclass
class Shown:
    """Remembers what was shown."""

    gauges: list[Mapping[str, float]] = field(default_factory=list)

    def show(self, gauges: Mapping[str, float]) -> None:
        """Remember it."""
        self.gauges.append(gauges)


def test_open_mailboxes_are_shown_again_and_again() -> None:
    """Of the mailboxes that a replica keeps, those that are open are told apart; each time as it is then."""
    sessions = [SimpleNamespace(connected=True), SimpleNamespace(connected=False), SimpleNamespace(connected=True)]
    supervisor: Any = SimpleNamespace(sessions=sessions)
    shown = Shown()

    async def run() -> None:
        showing = asyncio.create_task(show(supervisor, shown, every=0.001))
        await until(lambda: len(shown.gauges) >= 2)
        sessions.pop()
        now = len(shown.gauges)
        await until(lambda: len(shown.gauges) >= now + 2)
        showing.cancel()

    asyncio.run(run())
    assert shown.gauges[0] == {"imap_connections connected": 2, "imap_connections connecting": 1}
    assert shown.gauges[-1] == {"imap_connections connected": 1, "imap_connections connecting": 1}
