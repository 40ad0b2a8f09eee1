"""Replicas of the sidecar are killed, paused and added, grants are taken back, and no change is lost."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from local import sidecars
from local.sidecars import Replica, Sidecars
from shared.domain.accounts import AccountState
from shared.domain.changes import ChangeKind
from shared.domain.grants import SHARDS
from tests.fakes.mail_server import mail

# A replica that says nothing for so long is replaced.
LEASE = 3
USERS = ("anna", "berta", "carla", "dora")
Start = Callable[[], Replica]


@pytest.fixture(scope="module")
def ground(mail_server: object) -> Iterator[Sidecars]:
    """Return four users' mailboxes, and one that Anna may open too, all of them registered."""
    settings = {"SIDECAR_LEASE_SECONDS": str(LEASE), "SIDECAR_POLL_SECONDS": "1", "SIDECAR_LOGINS_PER_SECOND": "50"}
    with TemporaryDirectory(prefix="sidecars-") as folder, sidecars.running(Path(folder), **settings) as started:
        # As root, Dovecot serves mail as another user, who must reach the folder; pytest keeps its own to itself.
        Path(folder).chmod(0o755)
        for user in USERS:
            address = started.add_user(user)
            started.register(user, {"refreshToken": started.sign_in(address).refresh_token})
        shared = f"help@{sidecars.DOMAIN}"
        started.mail.grant(f"anna@{sidecars.DOMAIN}", shared)
        started.register("help", {"auth": {"delegatedUser": shared, "delegatedAccount": "anna"}})
        yield started


@pytest.fixture
def start(ground: Sidecars) -> Iterator[Start]:
    """Return what starts a replica, which ends with the test."""
    with ExitStack() as life:

        def started() -> Replica:
            replica = ground.start()
            life.callback(replica.child.stop)
            life.callback(replica.signal, signal.SIGCONT)
            return replica

        yield started


def connected(*replicas: Replica) -> int:
    """Return how many mailboxes these replicas have open."""
    return sum(replica.health().get("connected", 0) for replica in replicas)


def name_of(ground: Sidecars, replica: Replica) -> str:
    """Return the name that a replica has on the board."""
    said: dict[str, Any] = {}
    ground.wait(lambda: said.update(replica.health()) or said, "An answer")
    return str(said["replica"])


def by_load(first: Replica, second: Replica) -> tuple[Replica, Replica]:
    """Return the replica with more mailboxes first: which shards the users' grants are in is chance."""
    return (first, second) if connected(first) >= connected(second) else (second, first)


def deliver(ground: Sidecars, subject: str, names: tuple[str, ...] = (*USERS, "help")) -> None:
    """Deliver one message to each mailbox."""
    for name in names:
        ground.mail.deliver(f"{name}@{sidecars.DOMAIN}", mail(subject))


def created(ground: Sidecars) -> set[tuple[str, str]]:
    """Return the messages that were told as new."""
    return {(change.account, change.message) for change in ground.heard.told() if change.kind == ChangeKind.CREATED}


def everyone(ground: Sidecars) -> set[AccountState]:
    """Return the states that accounts are in."""
    return {ground.account(name).state for name in (*USERS, "help")}


def test_a_dead_sidecar_loses_nothing(ground: Sidecars, start: Start) -> None:
    """Accounts are connected within seconds; what comes and changes while no sidecar runs is told by the next one."""
    first = start()
    ground.wait(lambda: everyone(ground) == {AccountState.CONNECTED}, "Connected accounts")
    deliver(ground, "Alive")
    ground.wait(lambda: len(created(ground)) == 5, "The first mail")
    first.signal(signal.SIGKILL)
    deliver(ground, "Dead")
    ground.mail.flag(f"anna@{sidecars.DOMAIN}", 1, "\\Seen")
    start()
    ground.wait(lambda: len(created(ground)) == 10, "Mail of the dead time")
    ground.wait(lambda: ChangeKind.UPDATED in {change.kind for change in ground.heard.of("anna")}, "Anna's flag")
    assert [change.kind for change in ground.heard.of("help")] == [ChangeKind.CREATED] * 2


def test_another_replica_takes_over(ground: Sidecars, start: Start) -> None:
    """Two replicas share the shards; when one is killed, the other has all its mailboxes, and misses no mail."""
    before = len(created(ground))
    first = start()
    ground.wait(lambda: connected(first) == 5, "All mailboxes at one replica")
    second = start()
    half = [SHARDS // 2] * 2
    ground.wait(lambda: [each.health().get("shards") for each in (first, second)] == half, "Halves")
    ground.wait(lambda: connected(first, second) == 5, "All mailboxes at two replicas")
    one, other = by_load(first, second)
    one.signal(signal.SIGKILL)
    deliver(ground, "Between")
    ground.wait(lambda: connected(other) == 5, "The dead one's mailboxes")
    ground.wait(lambda: len(created(ground)) == before + 5, "Mail of the time between")


def test_a_replica_that_leaves_hands_over_at_once(ground: Sidecars, start: Start) -> None:
    """A replica that is asked to end gives its shards back, so nobody waits for its lease."""
    first, second = start(), start()
    ground.wait(lambda: connected(first, second) == 5, "All mailboxes")
    one, other = by_load(first, second)
    name = name_of(ground, one)
    one.child.stop()
    assert one.child.process.returncode == 0
    board = ground.board()
    assert name not in {*board.members, *(seen.shard.owner for seen in board.shards)}
    ground.wait(lambda: connected(other) == 5, "Its mailboxes")


def test_a_paused_replica_does_no_harm(ground: Sidecars, start: Start) -> None:
    """Who was stopped and goes on finds his mailboxes gone; what both saw has the same ids, and nothing is missing."""
    before = created(ground)
    first, second = start(), start()
    ground.wait(lambda: connected(first, second) == 5, "All mailboxes")
    one, other = by_load(first, second)
    one.signal(signal.SIGSTOP)
    deliver(ground, "Paused")
    ground.wait(lambda: connected(other) == 5, "The paused one's mailboxes")
    deliver(ground, "Taken over")
    one.signal(signal.SIGCONT)
    deliver(ground, "Back")
    ground.wait(lambda: len(created(ground) - before) == 15, "Mail of all times")
    halves = [SHARDS // 2] * 2
    ground.wait(lambda: [each.health().get("shards") for each in (first, second)] == halves, "Halves")
    ground.wait(lambda: connected(first, second) == 5, "All mailboxes, once")
    assert len(created(ground) - before) == 15


def test_a_revoked_grant_and_a_new_sign_in(ground: Sidecars, start: Start) -> None:
    """A revoked grant stops every account of it with one clear reason; signing in again brings all back, with mail."""
    address, shared = ground.add_user("emma"), f"sales@{sidecars.DOMAIN}"
    ground.mail.grant(address, shared)
    ground.m365.behaviour(token_lifetime=6)
    start()
    ground.register("emma", {"refreshToken": ground.sign_in(address).refresh_token})
    ground.register("sales", {"auth": {"delegatedUser": shared, "delegatedAccount": "emma"}})

    def states() -> set[AccountState]:
        return {ground.account(name).state for name in ("emma", "sales")}

    ground.wait(lambda: states() == {AccountState.CONNECTED}, "Connected accounts")
    ground.m365.revoke(address)
    ground.wait(lambda: states() == {AccountState.AUTHENTICATION_ERROR}, "The refusal")
    deliver(ground, "Locked out", ("emma", "sales"))
    error = ground.account("sales").last_error
    assert error is not None
    assert error.code == "AADSTS50173"
    assert error.description
    ground.m365.behaviour(token_lifetime=3600)
    ground.relay.registrations.grants.keep(ground.app, ground.sign_in(address))
    ground.wait(lambda: states() == {AccountState.CONNECTED}, "Connected accounts again")
    ground.wait(lambda: len(ground.heard.of("emma")) == len(ground.heard.of("sales")) == 1, "Mail from before")
    keys = {ground.account(name).key for name in ("emma", "sales")}
    told = {(event.account, event.version) for event in ground.heard.events if event.event == "authenticationError"}
    assert len([account for account, _ in told if account in keys]) == 2
