"""Mirrors as bytes."""

import random
from array import array
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.mirror_bytes import LIMIT, PIECE, UnknownMirror, pack, unpack
from shared.domain.mirrors import Mirror, Seen, baseline

SEEN = st.builds(Seen, st.integers(1, 2**32 - 1), st.integers(0, 63), st.integers(0, 2**32 - 1))


def a_folder(messages: int, deleted: float) -> Mirror:
    """Return the mirror of a folder of this size, of which a part was deleted here and there."""
    chance = random.Random(1)  # noqa: S311  test data
    uids = [uid for uid in range(1, int(messages / (1 - deleted)) + 1) if chance.random() >= deleted]
    seen = [Seen(uid, chance.choice([1, 1, 1, 1, 0, 3, 5]), chance.getrandbits(32)) for uid in uids]
    return baseline("INBOX", 7, 1, seen)


@given(st.text(max_size=20), st.integers(1, 2**32 - 1), st.lists(SEEN, max_size=50), st.integers(0, 2**40))
def test_every_mirror_comes_back(path: str, uidvalidity: int, seen: list[Seen], changes: int) -> None:
    """What is packed is unpacked as the same mirror."""
    mirror = baseline(path, uidvalidity, 1, seen, changes=changes)
    assert unpack(pack(mirror)) == mirror


@pytest.mark.parametrize("deleted", [0.1, 0.5, 0.9])
@pytest.mark.parametrize(("messages", "kilobytes"), [(1_000, 5.5), (10_000, 52), (100_000, 520)])
def test_figures_of_size(messages: int, kilobytes: float, deleted: float) -> None:
    """A mirror takes 4.3 to 5.2 bytes a message, so that 100,000 messages fit into one entity of Table Storage."""
    mirror = a_folder(messages, deleted)
    pieces = pack(mirror)
    assert max(map(len, pieces)) <= PIECE
    assert sum(map(len, pieces)) <= kilobytes * 1024
    assert unpack(pieces) == mirror


def test_old_fingerprints_give_way() -> None:
    """Beyond the limit the oldest messages lose their fingerprints, and nothing else."""
    mirror = a_folder(250_000, 0.5)
    pieces = pack(mirror)
    assert LIMIT - 4 <= sum(map(len, pieces)) <= LIMIT
    back = unpack(pieces)
    known = sum(1 for print_ in back.prints if print_)
    assert 150_000 < known < 250_000
    assert back == replace(mirror, prints=array("I", [0] * (len(mirror.uids) - known)) + mirror.prints[-known:])


@pytest.mark.parametrize("damage", [b"", b"\x02" + bytes(40), b"short", bytes(60)])
def test_other_bytes_are_no_mirror(damage: bytes) -> None:
    """What is damaged, or of a later version, is refused, so that a new baseline is taken."""
    with pytest.raises(UnknownMirror):
        unpack([damage])


def test_mirror_that_was_cut_is_refused() -> None:
    """A mirror of which a piece is missing is refused, unless only whole fingerprints are."""
    whole = b"".join(pack(a_folder(1000, 0.5)))
    for end in (30, 200, len(whole) - 1):
        with pytest.raises(UnknownMirror):
            unpack([whole[:end]])
