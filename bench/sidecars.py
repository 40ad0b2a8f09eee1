"""
The sidecar on a real mail server: memory and CPU of idle mailboxes, connecting, latency, and takeover.

`PYTHONPATH=. .venv/bin/python bench/sidecars.py [--mailboxes 1000] [--idle 330]`; README.md explains each figure.
"""

import argparse
import signal
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import psutil
from _figures import Figure

from local import sidecars
from local.sidecars import Replica, Sidecars

# One mailbox in fifteen is its owner's; the others are shared with its owner, on the same sign-in.
_SHARED = 15
_CLIENTS = 8
# Dovecot watches 128 folders for one operating system user; what is beyond, it looks at every other second.
_PROMPT = 90
_LATENCY_ROUNDS = 3
_SETTLING_SECONDS = 10
_LONG = 600


def main() -> None:
    """Prints the table."""
    options = argparse.ArgumentParser()
    options.add_argument("--mailboxes", type=int, default=300)
    options.add_argument("--idle", type=int, default=20, help="for how many seconds the idle process is watched")
    chosen = options.parse_args()
    settings = {"SIDECAR_SESSIONS": "100", "SIDECAR_LOGINS_PER_SECOND": "1000"}
    with tempfile.TemporaryDirectory(prefix="sidecar-") as folder, sidecars.running(Path(folder), **settings) as ground:
        for figure in measured(ground, chosen.mailboxes, chosen.idle):
            print(figure, flush=True)


def measured(ground: Sidecars, number: int, idle: int) -> Sequence[Figure]:
    """Returns every figure."""
    some = register(ground, min(_PROMPT, number), first=0)
    replica = ground.start()
    connected(ground, [replica], len(some))
    told = latencies(ground, some)
    replica.child.stop()
    fresh = ground.start()
    connected(ground, [fresh], len(some))
    time.sleep(_SETTLING_SECONDS)
    with_some = memory(fresh)
    register(ground, number - len(some), first=len(some))
    connected(ground, [fresh], number)
    fresh.child.stop()
    empty = memory_of_an_empty_one(ground)
    began = time.monotonic()
    first = ground.start()
    connected(ground, [first], number)
    took = time.monotonic() - began
    time.sleep(_SETTLING_SECONDS)
    used, cpu, process = memory(first), idle_cpu(first, idle), psutil.Process(first.child.pid)
    files, threads = process.num_fds(), process.num_threads()
    second = ground.start()
    ground.wait(lambda: second.health().get("shards") == 32, "Half of the shards", 60)
    connected(ground, [first, second], number)
    began = time.monotonic()
    first.signal(signal.SIGKILL)
    connected(ground, [second], number)
    return [
        Figure("process without mailboxes: memory", empty, "MB"),
        Figure(f"process with {len(some)} mailboxes: memory", with_some, "MB"),
        Figure(f"process with {number} mailboxes: memory", used, "MB"),
        *_of_a_further_one(used - with_some, number - len(some)),
        Figure(f"{number} idle mailboxes: file descriptors", files, ""),
        Figure(f"{number} idle mailboxes: threads", threads, ""),
        Figure(f"{number} idle mailboxes: CPU", cpu, "%", 5),
        Figure(f"connecting {number}, from the start of the process", took, "s"),
        Figure("delivery to queue: half of the messages within", told[len(told) // 2], "ms"),
        Figure("delivery to queue: 95 % of the messages within", told[int(len(told) * 0.95)], "ms", 2000),
        Figure("takeover after SIGKILL, until all are open", time.monotonic() - began, "s", 60),
    ]


def register(ground: Sidecars, number: int, *, first: int) -> list[str]:
    """Registers so many mailboxes, and returns their addresses."""

    def family(begin: int) -> list[str]:
        owner = ground.add_user(f"user{begin}")
        ground.register(f"user{begin}", {"refreshToken": ground.sign_in(owner).refresh_token})
        addresses = [owner]
        for each in range(begin + 1, min(begin + _SHARED, first + number)):
            addresses.append(f"user{each}@{sidecars.DOMAIN}")
            ground.mail.grant(owner, addresses[-1])
            auth = {"delegatedUser": addresses[-1], "delegatedAccount": f"user{begin}"}
            ground.register(f"user{each}", {"auth": auth})
        return addresses

    with ThreadPoolExecutor(_CLIENTS) as clients:
        return [address for some in clients.map(family, range(first, first + number, _SHARED)) for address in some]


def connected(ground: Sidecars, replicas: Sequence[Replica], number: int) -> None:
    """Waits until the replicas together have so many mailboxes open."""
    ground.wait(lambda: sum(each.health().get("connected", 0) for each in replicas) == number, "Mailboxes", _LONG)


def latencies(ground: Sidecars, addresses: Sequence[str]) -> list[float]:
    """Returns the milliseconds from the end of each delivery to the queue's message, in order."""
    taken: list[float] = []
    for turn in range(_LATENCY_ROUNDS):
        heard = len(ground.heard.changes)
        awaited = heard + len(addresses)
        delivered: dict[str, float] = {}
        for address in addresses:
            ground.mail.deliver(address, mail(turn))
            delivered[ground.account(address.partition("@")[0]).key] = time.time()
            time.sleep(0.02)
        ground.wait(partial(_has_heard, ground, awaited), "Changes", 60)
        taken += [(at - delivered[change.account]) * 1000 for at, change in ground.heard.changes[heard:]]
    return sorted(taken)


def _of_a_further_one(megabytes: float, mailboxes: int) -> Sequence[Figure]:
    # Threads, clients and caches are there with few mailboxes already, so it is the difference that counts.
    if mailboxes < _PROMPT:
        return []
    return [Figure("each further idle mailbox: memory", megabytes * 1024 / mailboxes, "KB", 100)]


def _has_heard(ground: Sidecars, number: int) -> bool:
    return len(ground.heard.changes) >= number


def mail(number: int) -> bytes:
    """Returns a small message."""
    return f"From: sender@example.com\r\nTo: box@contoso.example\r\nSubject: Number {number}\r\n\r\nText.\r\n".encode()


def memory(replica: Replica) -> float:
    """Returns the megabytes that are the process's own."""
    return float(psutil.Process(replica.child.pid).memory_full_info().uss) / 2**20


def memory_of_an_empty_one(ground: Sidecars) -> float:
    """Returns the megabytes of a process that has no mailbox yet."""
    replica = ground.start(SIDECAR_LOGINS_PER_SECOND="0.001", SIDECAR_SESSIONS="1")
    try:
        return memory(replica)
    finally:
        replica.child.stop()


def idle_cpu(replica: Replica, seconds: int) -> float:
    """Returns the share of a core that the process takes while nothing happens."""
    process = psutil.Process(replica.child.pid)
    before = process.cpu_times()
    time.sleep(seconds)
    after = process.cpu_times()
    return 100 * (after.user + after.system - before.user - before.system) / seconds


if __name__ == "__main__":
    main()
