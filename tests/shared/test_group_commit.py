"""Group commit: alone at once, in a burst together, and nobody is forgotten."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier, Event, Lock

import pytest

from shared.group_commit import GroupCommit, as_commit

PATIENCE = 60.0


class Commits:
    """A commit that doubles its items, keeps the groups it was given, and stands still while the gate is shut."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.begun = Event()
        self.gate = Event()
        self.gate.set()
        self._lock = Lock()

    def __call__(self, items: Sequence[int]) -> list[int]:
        """Commit a group; one that holds a negative item fails."""
        with self._lock:
            self.groups.append(list(items))
        self.begun.set()
        assert self.gate.wait(PATIENCE)
        if min(items) < 0:
            raise ConnectionError("The store does not answer.")
        return [item * 2 for item in items]


@pytest.fixture
def commits() -> Commits:
    """Return a commit with an open gate."""
    return Commits()


def busy(commits: Commits, group: GroupCommit[int, int]) -> "Future[list[int]]":
    """Put one commit under way and keep it there until the gate opens."""
    commits.gate.clear()
    first = group.submit([0])
    assert commits.begun.wait(PATIENCE)
    commits.begun.clear()
    return first


def test_at_rest_one_commit_a_submit(commits: Commits) -> None:
    """Alone, every submit is a commit of its own."""
    group = GroupCommit(commits, full=10)
    assert [group.submit([number]).result(PATIENCE) for number in (1, 2, 3)] == [[2], [4], [6]]
    assert commits.groups == [[1], [2], [3]]


def test_what_comes_meanwhile_shares_the_next_commit(commits: Commits) -> None:
    """While a commit is under way, all further submits gather, in order, and each gets its own results."""
    group = GroupCommit(commits, full=10)
    first = busy(commits, group)
    later = [group.submit(items) for items in ([1], [2, 3], [4])]
    assert not any(future.done() for future in (first, *later))
    commits.gate.set()
    assert [future.result(PATIENCE) for future in (first, *later)] == [[0], [2], [4, 6], [8]]
    assert commits.groups == [[0], [1, 2, 3, 4]]


def test_a_group_is_never_fuller_than_full(commits: Commits) -> None:
    """Submits are not split: a group ends before the one that would overfill it, and a larger one goes alone."""
    group = GroupCommit(commits, full=3)
    first = busy(commits, group)
    later = [group.submit(items) for items in ([1, 2], [3, 4], [5], [6, 7, 8, 9])]
    commits.gate.set()
    for future in (first, *later):
        future.result(PATIENCE)
    assert commits.groups == [[0], [1, 2], [3, 4, 5], [6, 7, 8, 9]]


def test_a_failure_reaches_its_own_submitters_only(commits: Commits) -> None:
    """A failing commit fails everybody who was in it, and nobody before or after."""
    group = GroupCommit(commits, full=2)
    first = busy(commits, group)
    failing = [group.submit([-1]), group.submit([1])]
    after = group.submit([2])
    commits.gate.set()
    assert first.result(PATIENCE) == [0]
    for future in failing:
        with pytest.raises(ConnectionError, match="does not answer"):
            future.result(PATIENCE)
    assert after.result(PATIENCE) == [4]


def test_who_gives_up_does_not_hold_up_the_rest(commits: Commits) -> None:
    """A submission cancelled while it waited is left out, and those behind it are committed."""
    group = GroupCommit(commits, full=10)
    first = busy(commits, group)
    tired, last = group.submit([1]), group.submit([2])
    assert tired.cancel()
    commits.gate.set()
    assert first.result(PATIENCE) == [0]
    assert last.result(PATIENCE) == [4]
    assert group.submit([3]).result(PATIENCE) == [6]
    assert commits.groups == [[0], [2], [3]]


def test_every_item_needs_its_result() -> None:
    """A commit that returns another number of results fails those who submitted, with both numbers."""
    group: GroupCommit[int, int] = GroupCommit(lambda items: [], full=10)
    with pytest.raises(RuntimeError, match="2 items were committed and 0 results came back"):
        group.submit([1, 2]).result(PATIENCE)


@pytest.mark.parametrize("problem", [SystemExit, KeyboardInterrupt])
def test_not_even_an_exit_leaves_somebody_waiting(problem: type[BaseException]) -> None:
    """Whatever a commit dies of, its submitters hear of it, and the next submit is served."""
    calls: list[int] = []

    def commit(items: Sequence[int]) -> Sequence[int]:
        calls.extend(items)
        if len(calls) == 1:
            raise problem
        return items

    group = GroupCommit(commit, full=10)
    with pytest.raises(problem):
        group.submit([1]).result(PATIENCE)
    assert group.submit([2]).result(PATIENCE) == [2]


def test_nothing_is_no_commit(commits: Commits) -> None:
    """No items cost no commit and no wait."""
    assert GroupCommit(commits, full=10).submit([]).result(0) == []
    assert commits.groups == []


def test_a_full_group_overtakes(commits: Commits) -> None:
    """With a second lane, a full group does not wait for the commit under way; one that is not full does."""
    group = GroupCommit(commits, full=2, lanes=2)
    first = busy(commits, group)
    part = group.submit([1])
    assert not commits.begun.wait(0.05)
    rest = group.submit([2])
    assert commits.begun.wait(PATIENCE)
    assert commits.groups == [[0], [1, 2]]
    commits.gate.set()
    assert [future.result(PATIENCE) for future in (first, part, rest)] == [[0], [2], [4]]


def test_pace_gathers_what_is_not_full(commits: Commits, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first item goes at once; those that follow within the pace share one commit when it is over."""
    now = 100.0
    monkeypatch.setattr("shared.group_commit.monotonic", lambda: now)
    group = GroupCommit(commits, full=10, pace=0.02)
    group.submit([1]).result(PATIENCE)
    later = [group.submit([number]) for number in (2, 3)]
    with pytest.raises(TimeoutError):
        later[0].result(0.1)
    now += 0.02
    assert [future.result(PATIENCE) for future in later] == [[4], [6]]
    assert commits.groups == [[1], [2, 3]]


def test_only_full_groups_overtake() -> None:
    """A lane that has overtaken goes home: what is not full waits for the commit under way."""
    gates = {0: Event(), 1: Event()}
    reached = {0: Event(), 1: Event()}

    def commit(items: Sequence[int]) -> Sequence[int]:
        if items[0] in gates:
            reached[items[0]].set()
            assert gates[items[0]].wait(PATIENCE)
        return items

    group = GroupCommit(commit, full=2, lanes=2)
    first = group.submit([0])
    assert reached[0].wait(PATIENCE)
    full = group.submit([1, 2])
    assert reached[1].wait(PATIENCE)
    part = group.submit([3])
    gates[1].set()
    assert full.result(PATIENCE) == [1, 2]
    with pytest.raises(TimeoutError):
        part.result(0.05)
    gates[0].set()
    assert [first.result(PATIENCE), part.result(PATIENCE)] == [[0], [3]]


@pytest.mark.parametrize("lanes", [1, 2])
def test_a_full_group_does_not_wait_for_the_pace(commits: Commits, lanes: int) -> None:
    """A group that fills up while the pace holds it goes at once."""
    group = GroupCommit(commits, full=2, lanes=lanes, pace=3600)
    group.submit([1]).result(PATIENCE)
    held = group.submit([2])
    with pytest.raises(TimeoutError):
        held.result(0.05)
    assert group.submit([3]).result(PATIENCE) == [6]
    assert held.result(PATIENCE) == [4]
    assert commits.groups == [[1], [2, 3]]


@pytest.mark.parametrize(("lanes", "pace"), [(1, 0.0), (1, 0.002), (4, 0.0), (4, 0.002)])
def test_fifty_threads_lose_and_double_nothing(commits: Commits, lanes: int, pace: float) -> None:
    """Under fifty submitters every item is committed once, and everybody gets the results of his own."""
    group = GroupCommit(commits, full=16, lanes=lanes, pace=pace)
    start = Barrier(50)

    def submit(worker: int) -> None:
        start.wait(PATIENCE)
        for turn in range(10):
            items = [worker * 100 + turn * 10 + number for number in range(1 + (worker + turn) % 3)]
            assert group.submit(items).result(PATIENCE) == [item * 2 for item in items]

    with ThreadPoolExecutor(50) as threads:
        for done in [threads.submit(submit, worker) for worker in range(50)]:
            done.result(PATIENCE * 4)
    committed = [item for items in commits.groups for item in items]
    expected = [w * 100 + t * 10 + n for w in range(50) for t in range(10) for n in range(1 + (w + t) % 3)]
    assert sorted(committed) == sorted(expected)
    assert max(map(len, commits.groups)) <= 16


def test_a_write_that_says_nothing_is_a_commit() -> None:
    """A write without an answer is done for each item of its group, and what it raises, each caller hears."""
    written: list[int] = []
    group = GroupCommit(as_commit(written.extend), full=16)
    assert (group.submit([1, 2]).result(PATIENCE), written) == ([None, None], [1, 2])

    def refuse(_: Sequence[int]) -> None:
        raise ConnectionError("The store does not answer.")

    with pytest.raises(ConnectionError):
        GroupCommit(as_commit(refuse), full=16).submit([3]).result(PATIENCE)
