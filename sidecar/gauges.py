"""What this replica sees now: the mailboxes that it keeps, and how many of them are open."""

import asyncio

from shared.domain.metrics import IMAP_CONNECTIONS, series
from shared.ports.metrics import Gauges
from sidecar.supervisor import Supervisor

# Gauges hold for three minutes, and whoever has said nothing for that long is taken for dead.
_EVERY = 30.0


async def show(supervisor: Supervisor, gauges: Gauges, every: float = _EVERY) -> None:
    """Tells the gauges twice a minute, until it is cancelled."""
    while True:
        sessions = supervisor.sessions
        connected = sum(session.connected for session in sessions)
        gauges.show(
            {
                series(IMAP_CONNECTIONS, "connected"): connected,
                series(IMAP_CONNECTIONS, "connecting"): len(sessions) - connected,
            }
        )
        await asyncio.sleep(every)
