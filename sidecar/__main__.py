"""`python -m sidecar`: the supervisor and the HTTP application in one loop, until SIGTERM."""

import asyncio
import logging
import os
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

from aiohttp import web

from shared.bootstrap import sidecar
from shared.domain.errors import Misconfigured
from shared.domain.shards import Watchman
from shared.domain.watches import Watch
from shared.services.sidecar import Sidecar
from sidecar.app import application
from sidecar.fence import Fence
from sidecar.gauges import show
from sidecar.imap import tls
from sidecar.logins import Logins
from sidecar.places import Places
from sidecar.pool import Pool
from sidecar.servers import MailServers
from sidecar.service import MailService
from sidecar.session import Session, Tools
from sidecar.supervisor import Supervisor
from sidecar.timetable import Pace

# Storage and Entra are asked in threads; a start with many mailboxes asks a lot.
_THREADS = 32
# Of the connections that a grant may have, those that answer requests.
_FOR_REQUESTS = 2


def supervise(part: Sidecar) -> Supervisor:
    """Returns the supervisor of this process on *part*."""
    fence = Fence(part.lease.total_seconds())
    tls.shrink_buffers()
    tools = Tools(
        watching=part.watching,
        grants=part.grants,
        apps=part.apps,
        mirrors=part.mirrors,
        changes=part.changes,
        machine=part.machine,
        fence=fence,
        logins=Logins(max(part.places - _FOR_REQUESTS, 1), a_second=part.logins_per_second),
        context=tls.context,
        pace=Pace(poll=part.poll.total_seconds()),
        server=part.imap_server,
    )

    def begin(watch: Watch, epoch: int) -> Session:
        return Session(tools, watch, epoch)

    return Supervisor(
        f"{socket.gethostname()}-{os.getpid()}-{part.machine.randomness.nonce()}",
        shards=part.shards,
        watches=part.watches,
        watchman=Watchman(part.lease),
        fence=fence,
        begin=begin,
        log=part.machine.log,
    )


def serving(part: Sidecar) -> Pool:
    """Returns the connections that answer requests."""
    return Pool(
        accounts=part.accounts,
        apps=part.apps,
        grants=part.grants,
        servers=MailServers(tls.context(), part.imap_server, part.smtp_server),
        places=Places(min(_FOR_REQUESTS, part.places)),
    )


async def serve(part: Sidecar) -> None:
    """Runs until SIGTERM or SIGINT, then hands over what this replica has."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="outside"))
    supervisor = supervise(part)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.stop)
    pool = serving(part)
    runner = web.AppRunner(application(supervisor, MailService(pool), part.keys, part.machine.log), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, port=part.port)
    shown = asyncio.create_task(show(supervisor, part.gauges))
    try:
        await site.start()
        port = runner.addresses[0][1]
        part.machine.log.event("sidecar.started", replica=supervisor.me, port=port)
        await supervisor.run()
    finally:
        shown.cancel()
        await runner.cleanup()
        await pool.close()
        part.machine.log.event("sidecar.ended", replica=supervisor.me)


def main() -> int:
    """Runs the sidecar on the environment's settings; tells what cannot be right about them."""
    try:
        part = sidecar()
    except Misconfigured as wrong:
        print(wrong, file=sys.stderr)  # noqa: T201  there is no log yet, and a human reads this
        return 2
    # The libraries tell each request; what matters of them, our own lines say.
    logging.basicConfig(format="%(message)s", stream=sys.stdout)
    logging.getLogger("relay365").setLevel(logging.INFO)
    asyncio.run(serve(part))
    return 0


if __name__ == "__main__":
    sys.exit(main())
