"""What keeping poison promises: the queue that it is taken from, and the store that shows it."""

from abc import abstractmethod
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.errors import Changed
from shared.domain.poison import Poisoned
from shared.ports.queues import PoisonQueue
from shared.ports.state import PoisonStore
from tests.contracts.examples import HOSTILE
from tests.fakes.clock import START

BODY = '{"text":"Ænna"}'


class PoisonQueueContract:
    """A subclass gives the fixture `queue`, gives messages up, and says what was put back."""

    @abstractmethod
    def give_up(self, queue: str, body: str) -> None:
        """Give up a message, as the host does."""

    @abstractmethod
    def put_back(self, queue: str) -> list[str]:
        """Return what was put back on a queue."""

    def test_every_queue_is_looked_at(self, queue: PoisonQueue) -> None:
        """What was given up of any queue is taken once, told where it failed, and is hidden then."""
        assert queue.take() == []
        given = {("changes", BODY), ("retries", BODY), ("jobs", "1"), ("jobs", "2")}
        for name, body in given:
            self.give_up(name, body)
        taken = queue.take()
        assert {(each.queue, each.body) for each in taken} == given
        assert len({each.id for each in taken}) == 4
        assert {each.takes for each in taken} == {1}
        assert queue.take() == []

    def test_a_message_is_removed(self, queue: PoisonQueue) -> None:
        """A message can be removed, and a second time too."""
        self.give_up("jobs", BODY)
        (taken,) = queue.take()
        for _ in range(2):
            queue.remove(taken)

    def test_a_message_is_put_back(self, queue: PoisonQueue) -> None:
        """What is put back is on the queue where it failed, as it was."""
        queue.requeue("retries", BODY)
        assert (self.put_back("retries"), self.put_back("jobs")) == ([BODY], [])


class PoisonStoreContract:
    """A subclass gives the fixture `store`."""

    def test_a_message_is_kept_once(self, store: PoisonStore) -> None:
        """A message that is kept again stays as it is, its mark too."""
        store.keep(poisoned(1))
        known = store.get(poisoned(1).id)
        assert known is not None
        assert known.value == poisoned(1)
        marked = poisoned(1, requeued=START)
        store.replace(marked, known.etag)
        store.keep(poisoned(1))
        assert store.page(None, 5).items == [marked]

    def test_the_last_reader_writes(self, store: PoisonStore) -> None:
        """A write with an ETag that is out of date is refused."""
        store.keep(poisoned(1))
        known = store.get(poisoned(1).id)
        assert known is not None
        store.replace(poisoned(1, requeued=START), known.etag)
        with pytest.raises(Changed):
            store.replace(poisoned(1), known.etag)

    def test_a_message_is_removed_as_it_was_read(self, store: PoisonStore) -> None:
        """A message goes where it is still as it was read, and one that is gone is fine."""
        store.keep(poisoned(1))
        store.keep(poisoned(2))
        first = store.get(poisoned(1).id)
        assert first is not None
        store.replace(poisoned(1, requeued=START), first.etag)
        with pytest.raises(Changed):
            store.remove(poisoned(1).id, first.etag)
        now = store.get(poisoned(1).id)
        assert now is not None
        for _ in range(2):
            store.remove(poisoned(1).id, now.etag)
        assert store.page(None, 5).items == [poisoned(2)]

    def test_pages_are_newest_first(self, store: PoisonStore) -> None:
        """Pages hold every message once, the newest first, large ones too."""
        kept = [poisoned(number, body="é" * 48_000) for number in range(5)]
        for each in (*kept[2:], *kept[:2]):
            store.keep(each)
        first = store.page(None, 3)
        assert first.position is not None
        assert [*first.items, *store.page(first.position, 3).items] == kept[::-1]

    def test_what_waits_is_counted(self, store: PoisonStore) -> None:
        """Messages that nobody has requeued are counted, over all months, and no further than is asked."""
        assert store.waiting(5) == 0
        for each in (poisoned(1), poisoned(2), poisoned(3, given_up=START - timedelta(days=40))):
            store.keep(each)
        known = store.get(poisoned(2).id)
        assert known is not None
        store.replace(poisoned(2, requeued=START), known.etag)
        assert (store.waiting(5), store.waiting(1)) == (2, 1)

    @pytest.mark.parametrize("name", [*HOSTILE, "", "1_", "_x", "9" * 40 + "_x", "1_x/y"])
    def test_a_hostile_id_finds_nothing(self, store: PoisonStore, name: str) -> None:
        """Whatever stands in an id, it names at most its own message."""
        store.keep(poisoned(1))
        assert store.get(name) is None


def poisoned(number: int, **changes: Any) -> Poisoned:
    """Return a message that was given up; a higher number is later."""
    values: dict[str, Any] = {
        "queue": "jobs",
        "message": f"0f6a0000-0000-4000-8000-{number:012}",
        "body": BODY,
        "takes": 1,
        "given_up": START + timedelta(seconds=number),
        "kept": START + timedelta(minutes=1),
    }
    return Poisoned(**{**values, **changes})
