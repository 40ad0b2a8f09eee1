"""Replicas share the shards evenly, and nobody takes what the living have."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.grants import SHARDS
from shared.domain.shards import Board, SeenShard, Shard, Watchman, moves

LEASE = timedelta(seconds=40)


def board(owners: list[str], members: list[str]) -> Board:
    """Return a board on which shard n belongs to the n-th owner."""
    shards = [SeenShard(Shard(number=number, owner=owner), "etag") for number, owner in enumerate(owners)]
    return Board(members=dict.fromkeys(members, "1"), shards=shards, versions={})


def settle(owners: list[str], living: list[str]) -> tuple[list[str], int]:
    """Let the living claim and release in turn until nothing moves; return the owners and the rounds it took."""
    for rounds in range(10):
        moved = False
        for me in living:
            made = moves(board(owners, living), me, frozenset(living))
            moved |= bool(made.claim or made.release)
            for seen in made.release:
                owners[seen.shard.number] = ""
            for seen in made.claim:
                owners[seen.shard.number] = me
        if not moved:
            return owners, rounds
    raise AssertionError("They never come to rest.")


@given(
    st.lists(st.sampled_from(["", "a", "b", "c", "dead"]), min_size=SHARDS, max_size=SHARDS),
    st.sets(st.sampled_from(["a", "b", "c"]), min_size=1),
)
def test_shards_end_up_shared_evenly(owners: list[str], living: set[str]) -> None:
    """Whoever has what at first, after a few rounds the living have all shards, evenly, and rest."""
    settled, rounds = settle(owners, sorted(living))
    counts = [settled.count(name) for name in sorted(living)]
    assert sum(counts) == SHARDS
    assert max(counts) - min(counts) <= len(living)
    assert rounds <= 3


def test_the_living_keep_what_they_have() -> None:
    """A replica claims from nobody and from the dead, never from the living."""
    made = moves(board(["b"] * SHARDS, ["a", "b"]), "a", frozenset({"a", "b"}))
    assert made.claim == ()
    made = moves(board(["b"] * SHARDS, ["a", "b"]), "a", frozenset({"a"}))
    assert len(made.claim) == SHARDS


def test_a_surplus_is_handed_back() -> None:
    """When another replica joins, what exceeds an even share is released."""
    made = moves(board(["a"] * SHARDS, ["a", "b"]), "a", frozenset({"a", "b"}))
    assert len(made.release) == SHARDS // 2


def test_two_that_start_together_want_different_shards() -> None:
    """Claims of replicas that start at the same moment do not overlap."""
    wanted = [
        {seen.shard.number for seen in moves(board([""] * SHARDS, ["a", "b"]), me, frozenset({"a", "b"})).claim}
        for me in ("a", "b")
    ]
    assert wanted[0] & wanted[1] == set()


@pytest.mark.parametrize(("mark", "alive"), [("1", frozenset[str]()), ("2", frozenset({"b"}))], ids=["still", "beats"])
def test_who_stands_still_is_dead(mark: str, alive: frozenset[str]) -> None:
    """A member whose mark has not changed for the lease counts as dead, by the watcher's own clock."""
    watchman = Watchman(LEASE)
    assert watchman.alive({"b": "1"}, 100.0) == {"b"}
    assert watchman.alive({"b": "1"}, 139.0) == {"b"}
    assert watchman.alive({"b": mark}, 141.0) == alive
