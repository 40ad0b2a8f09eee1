"""Starts the simulated Microsoft 365: `python -m local.m365 --port 8443 --cert server.pem --key server.key`."""

import argparse
import asyncio
import signal
import ssl

from aiohttp import web

from local.m365.server import Server
from local.m365.world import World


async def serve(arguments: argparse.Namespace) -> None:
    """Serves until it is told to stop; the first line printed is the address."""
    world = World()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(arguments.cert, arguments.key)
    runner = web.AppRunner(Server(world).application(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, arguments.host, arguments.port, ssl_context=tls, backlog=1024)
    await site.start()
    port = runner.addresses[0][1]
    world.base_url = f"https://localhost:{port}"
    print(f"Microsoft 365, simulated, at {world.base_url}", flush=True)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    await runner.cleanup()


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m local.m365", description="A simulated Microsoft 365.")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=8443, help="0 takes a free one")
    parser.add_argument("--cert", required=True, help="the server's certificate chain, PEM")
    parser.add_argument("--key", required=True, help="the server's private key, PEM")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
