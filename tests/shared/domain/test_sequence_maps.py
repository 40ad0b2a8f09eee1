"""Sequence maps: following an open folder line by line."""

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.mirrors import Seen, baseline
from shared.domain.sequence_maps import SequenceMap

STEPS = st.lists(
    st.tuples(st.sampled_from(["arrive", "expunge", "flag", "fetch"]), st.integers(0, 1000), st.integers(0, 63)),
    max_size=60,
)


def a_map(*uids: int) -> SequenceMap:
    """Return the map of a folder with these messages."""
    return SequenceMap(baseline("INBOX", 7, 1, [Seen(uid, 0, uid) for uid in uids]))


def state(folder: SequenceMap) -> list[tuple[int, int, int]]:
    """Return all that the map knows."""
    mirror = folder.mirror(0)
    return list(zip(mirror.uids, mirror.flags, mirror.prints, strict=True))


@given(STEPS)
def test_lines_in_order_keep_the_map_right(steps: list[tuple[str, int, int]]) -> None:
    """Whoever follows each line in order knows the folder, whatever arrives, goes and changes in between."""
    folder, server, uidnext = a_map(3, 5, 9), [(3, 0), (5, 0), (9, 0)], 10
    for step, number, flags in steps:
        if step == "arrive":
            server.append((uidnext, flags))
            uidnext += 1
            folder.saw_exists(len(server))
        elif step == "fetch":
            folder.add(Seen(uid, flags, uid) for uid, flags in server if uid >= folder.uidnext)
        elif server:
            place = number % len(server) + 1
            if step == "expunge":
                server.pop(place - 1)
                folder.saw_expunge(place)
            else:
                server[place - 1] = (server[place - 1][0], flags)
                folder.saw_flags(place, None if number % 2 else server[place - 1][0], flags)
        assert folder.in_step
        assert folder.exists == len(server)
    folder.add(Seen(uid, flags, uid) for uid, flags in server if uid >= folder.uidnext)
    assert folder.settled
    assert state(folder) == [(uid, flags, uid) for uid, flags in server]


def test_lines_that_do_not_fit_put_it_out_of_step() -> None:
    """A place that does not exist, fewer messages without an EXPUNGE, or a UID at another place: nothing is trusted."""
    for line in ("self.saw_expunge(9)", "self.saw_exists(1)", "self.saw_flags(1, 5, 0)"):
        folder = a_map(3, 5, 9)
        eval(line, {"self": folder})  # noqa: S307  the lines stand above
        assert not folder.in_step
        assert not folder.settled
        folder.saw_expunge(1)
        folder.saw_flags(1, None, 63)
        assert state(folder) == [(3, 0, 3), (5, 0, 5), (9, 0, 9)]


def test_mirrors_that_were_taken_stay_as_they_are() -> None:
    """A mirror does not change with the map that it was taken of, although they share memory."""
    folder = a_map(3, 5)
    taken = folder.mirror(4)
    before = (list(taken.uids), taken.flags, list(taken.prints), taken.changes)
    folder.saw_expunge(1)
    folder.saw_flags(1, 5, 7)
    folder.add([Seen(9, 1, 9), Seen(5, 7, 55)])
    folder.keep({9})
    assert (list(taken.uids), taken.flags, list(taken.prints), taken.changes) == before
    assert state(folder) == [(9, 1, 9)]


def test_windows_hold_so_many_known_messages() -> None:
    """Spans of UIDs are cut so that each holds a number of known messages, however wide the gaps are."""
    folder = a_map(1, 2, 1000, 1001, 5000)
    assert folder.newest(2) == range(1001, 5001)
    assert list(folder.windows(folder.newest(None), 2)) == [(1, 2), (1000, 1001), (5000, 5000)]
    assert list(a_map().windows(a_map().newest(None), 2)) == []
