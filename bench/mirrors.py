"""
What a large folder costs the sidecar: opening it, knowing it, reading its flags again, saving what was told of it.

`PYTHONPATH=. .venv/bin/python bench/mirrors.py [100000 ...]`; the server makes its messages up, so it costs nothing.
"""

import asyncio
import re
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe

import psutil
from _figures import Figure

from shared.domain.mirror_bytes import pack, unpack
from sidecar.folder_watch import FolderWatch
from sidecar.imap.connection import Connection
from sidecar.imap.responses import numbers_of

_SIZES = (1_000, 10_000, 100_000)
# Half of what ever came is gone, so UIDs lie in many short runs.
_GAP = 2
_FETCH = re.compile(rb"UID FETCH ([\d,:]+) ")
_TIMES = 5
_KEPT = 50


def main() -> None:
    """Prints the table."""
    sizes = [int(each) for each in sys.argv[1:]] or _SIZES
    # A process each, so that what the one leaves behind is not taken for the next one's.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as processes:
        for figures in processes.map(measured, sizes):
            for figure in figures:
                print(figure, flush=True)


def measured(messages: int) -> Sequence[Figure]:
    """Returns every figure of a folder with so many messages."""
    with _server(messages) as port:
        return asyncio.run(_watched(port, messages))


async def _watched(port: int, messages: int) -> Sequence[Figure]:
    process = psutil.Process()
    connection = await Connection.open("127.0.0.1", port, None)
    peak, cpu = _peak(), time.process_time()
    watch = FolderWatch(connection, "INBOX", None)
    mirror = (await watch.open()).mirror
    opening, cpu = time.process_time() - cpu, time.process_time()
    await watch.scan(newest=None)
    scanning = time.process_time() - cpu
    connection.abort()
    packed = pack(mirror)
    before = process.memory_full_info().uss
    kept = [FolderWatch(connection, "INBOX", unpack(packed)) for _ in range(_KEPT)]
    each = (process.memory_full_info().uss - before) / len(kept)
    name = f"{messages:,} messages"
    return [
        Figure(f"{name}: opened first, memory at most", (_peak() - peak) / 2**20, "MB"),
        Figure(f"{name}: memory while it is watched", each / 1024, "KB"),
        Figure(f"{name}: opened first, CPU", opening * 1000, "ms"),
        Figure(f"{name}: all flags read again, CPU", scanning * 1000, "ms"),
        Figure(f"{name}: mirror, bytes a change", sum(map(len, packed)) / 1024, "KB"),
        Figure(f"{name}: mirror packed, CPU", _milliseconds(lambda: pack(mirror)), "ms"),
        Figure(f"{name}: mirror unpacked, CPU", _milliseconds(lambda: unpack(packed)), "ms"),
    ]


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _milliseconds(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(_TIMES):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken) * 1000


@contextmanager
def _server(messages: int) -> Iterator[int]:
    spawn = get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(messages, theirs), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def _serve(messages: int, pipe: Pipe) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\n")
        while line := await reader.readline():
            tag, _, command = line.strip().partition(b" ")
            writer.writelines(_said(command, messages))
            writer.write(tag + b" OK done\r\n")
            await writer.drain()

    async def serve() -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


def _said(command: bytes, messages: int) -> Iterator[bytes]:
    if command.startswith(b"EXAMINE"):
        yield b"* %d EXISTS\r\n" % messages
        yield b"* OK [UIDVALIDITY 7] valid\r\n* OK [UIDNEXT %d] next\r\n" % (messages * _GAP + 1)
    elif command == b"UID SEARCH ALL":
        yield b"* SEARCH %s\r\n" % b" ".join(b"%d" % (place * _GAP) for place in range(1, messages + 1))
    elif found := _FETCH.match(command):
        more = b' INTERNALDATE "21-Nov-2026 10:00:%02d +0000" RFC822.SIZE %d' if b"SIZE" in command else b""
        for uid in numbers_of(found.group(1)):
            place, rest = divmod(uid, _GAP)
            if rest == 0:
                told = more % (place % 60, 1000 + place) if more else more
                yield b"* %d FETCH (UID %d FLAGS (\\Seen)%s)\r\n" % (place, uid, told)


if __name__ == "__main__":
    main()
