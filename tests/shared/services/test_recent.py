"""Recent events: in hand once, finished for a while, and abandoned without a trace."""

from concurrent.futures import ThreadPoolExecutor

from shared.services.recent import RecentEvents


def test_an_event_is_in_hand_once() -> None:
    """Of eight threads that begin the same event one has it."""
    recent = RecentEvents()
    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(lambda _: recent.begin("event"), range(8))) == [False] * 7 + [True]


def test_a_finished_event_is_remembered() -> None:
    """An event is finished after `finish`, and not before; nobody begins it again."""
    recent = RecentEvents()
    recent.begin("event")
    assert not recent.is_finished("event")
    recent.finish("event")
    assert recent.is_finished("event")
    # Who looked before it was finished asks only now.
    assert not recent.begin("event")


def test_an_abandoned_event_can_be_begun_again() -> None:
    """An event that failed is neither finished nor in hand."""
    recent = RecentEvents()
    recent.begin("event")
    recent.abandon("event")
    assert not recent.is_finished("event")
    assert recent.begin("event")


def test_the_oldest_is_forgotten_first() -> None:
    """Memory is bounded: what was finished longest ago goes."""
    recent = RecentEvents(capacity=2)
    for event in ("one", "two", "three"):
        recent.begin(event)
        recent.finish(event)
    assert [recent.is_finished(event) for event in ("one", "two", "three")] == [False, True, True]
