"""Lookups: asked once, shared by threads, and never older than they say."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from shared.services.lookups import Lookup
from tests.fakes.clock import FakeClock

MINUTE = timedelta(minutes=1)


class Source:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {"key": "first"}
        self.asked = 0

    def find(self, key: str) -> str | None:
        """Return what is there."""
        self.asked += 1
        return self.values.get(key)


def test_a_value_is_kept_for_its_time() -> None:
    """A key is asked about once, and again when its time is over."""
    source, clock = Source(), FakeClock()
    lookup = Lookup(source.find, clock, MINUTE)
    assert [lookup.get("key") for _ in range(3)] == ["first"] * 3
    source.values["key"] = "second"
    clock.advance(MINUTE - timedelta(seconds=1))
    assert (lookup.get("key"), source.asked) == ("first", 1)
    clock.advance(timedelta(seconds=1))
    assert (lookup.get("key"), source.asked) == ("second", 2)


def test_a_forgotten_value_is_asked_for_anew() -> None:
    """After `forget` the next reader asks again; other keys stay."""
    source = Source()
    source.values["other"] = "kept"
    lookup = Lookup(source.find, FakeClock(), MINUTE)
    lookup.get("key")
    lookup.get("other")
    source.values |= {"key": "second", "other": "changed"}
    lookup.forget("key")
    lookup.forget("unknown")
    assert (lookup.get("key"), lookup.get("other")) == ("second", "kept")


def test_an_answer_is_kept_though_others_are_forgotten() -> None:
    """While jobs forget their accounts one after the other, what is found of another account is kept all the same."""
    source = Source()

    def find(key: str) -> str | None:
        # Two keys may share what is counted; not all of these share it with ours.
        lookup.forget(f"other-{source.asked}")
        return source.find(key)

    lookup = Lookup(find, FakeClock(), MINUTE)
    assert [lookup.get("key") for _ in range(10)] == ["first"] * 10
    assert source.asked < 10


def test_what_came_along_with_another_answer_is_kept() -> None:
    """A value that somebody else has read is kept as if it had been asked for, unless it was forgotten meanwhile."""
    source, clock = Source(), FakeClock()
    lookup = Lookup(source.find, clock, MINUTE)
    stale = lookup.mark("key")
    lookup.forget("key")
    lookup.keep("key", "stale", stale)
    assert not lookup.has("key")
    asked = lookup.mark("key")
    clock.advance(MINUTE / 2)
    lookup.keep("key", "along", asked)
    assert (lookup.has("key"), lookup.get("key"), source.asked) == (True, "along", 0)
    clock.advance(MINUTE / 2)
    assert (lookup.has("key"), lookup.get("key")) == (False, "first")


def test_an_absence_is_not_kept() -> None:
    """What is not there is asked for each time: it may have come a moment ago."""
    source = Source()
    lookup = Lookup(source.find, FakeClock(), MINUTE)
    assert lookup.get("new") is None
    source.values["new"] = "there"
    assert lookup.get("new") == "there"


def test_threads_share_one_question() -> None:
    """Eight threads that want the same key at the same time ask once."""
    asked, gate = [], threading.Event()

    def find(key: str) -> str:
        asked.append(key)
        assert gate.wait(60)
        return "value"

    lookup = Lookup(find, FakeClock(), MINUTE)
    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(lookup.get, "key") for _ in range(8)]
        gate.set()
        assert {answer.result(60) for answer in answers} == {"value"}
    assert asked == ["key"]


def test_a_failure_is_not_kept() -> None:
    """A question that failed is asked again."""
    troubles = [RuntimeError("Storage is busy.")]

    def find(key: str) -> str:
        if troubles:
            raise troubles.pop()
        return "value"

    lookup = Lookup(find, FakeClock(), MINUTE)
    with pytest.raises(RuntimeError):
        lookup.get("key")
    assert lookup.get("key") == "value"


def test_what_was_found_before_a_forget_is_not_kept() -> None:
    """An answer that was on its way when its key was forgotten may be too old, and is not kept."""
    source = Source()

    def find(key: str) -> str | None:
        found = source.find(key)
        if source.asked == 1:
            source.values[key] = "second"
            lookup.forget(key)
        return found

    lookup = Lookup(find, FakeClock(), MINUTE)
    assert [lookup.get("key") for _ in range(3)] == ["first", "second", "second"]
    assert source.asked == 2


def test_a_forget_while_an_answer_is_being_kept_counts() -> None:
    """What is forgotten between the last look at that and the keeping of an answer is asked for anew all the same."""
    source, forgetting = Source(), list[threading.Thread]()

    class Moment(datetime):
        """A moment; whoever reckons with it gives another thread the time to forget."""

        def __add__(self, other: timedelta) -> datetime:  # type: ignore[override]  one thing is added here
            if not forgetting:
                source.values["key"] = "second"
                forgetting.append(threading.Thread(target=lookup.forget, args=["key"]))
                forgetting[0].start()
                forgetting[0].join(0.05)
            return super().__add__(other)

    class Clock:
        """Tells such a moment."""

        def now(self) -> datetime:
            """Return it."""
            return Moment(2026, 3, 2, tzinfo=UTC)

    lookup = Lookup(source.find, Clock(), MINUTE)
    assert lookup.get("key") == "first"
    forgetting[0].join(60)
    assert lookup.get("key") == "second"
