"""What keeping counts promises, and looking at queues."""

from abc import abstractmethod
from datetime import timedelta

import pytest

from shared.domain.census import Census
from shared.domain.errors import Changed
from shared.domain.tallies import Role, Tally
from shared.ports.metrics import LedgerStore, QueueGauge, TallyStore
from shared.ports.records import Stored
from tests.contracts.examples import HOSTILE
from tests.fakes.clock import START


class TallyStoreContract:
    """A subclass gives the fixture `store`, which is also the `ledger`."""

    def test_a_tally_comes_back_as_it_was(self, store: TallyStore, ledger: LedgerStore) -> None:
        """What a process writes is what is read, whatever its name, and each write has another ETag."""
        first = store.write(a_tally(HOSTILE[0]), None)
        second = store.write(a_tally(HOSTILE[0], events=3), first)
        assert first != second
        assert store.etag(HOSTILE[0]) == second
        assert ledger.read().tallies == [Stored(a_tally(HOSTILE[0], events=3), second)]
        assert store.etag("nobody") is None

    def test_a_row_is_its_process_s_own(self, store: TallyStore) -> None:
        """A first write where there is a row, a write with an old ETag, and one to a row that is gone, are refused."""
        first = store.write(a_tally("a"), None)
        store.write(a_tally("a"), first)
        for process, etag in (("a", None), ("a", first), ("b", first)):
            with pytest.raises(Changed):
                store.write(a_tally(process), etag)

    def test_what_is_folded_is_in_one_place(self, store: TallyStore, ledger: LedgerStore) -> None:
        """Folding writes the base and removes the rows that are in it; others and the census stay."""
        for process in ("a", "b", "c"):
            store.write(a_tally(process), None)
        ledger.keep(Census(taken=START, states={"connected": 2}))
        for name in ("a", "b"):
            found = ledger.read()
            (gone,) = (each for each in found.tallies if each.value.process == name)
            ledger.fold(a_tally("", events=7), found.base.etag if found.base else None, [gone])
        after = ledger.read()
        assert after.base is not None
        assert (after.base.value, [each.value.process for each in after.tallies]) == (a_tally("", events=7), ["c"])
        assert after.census == Census(taken=START, states={"connected": 2})

    @pytest.mark.parametrize("first", [True, False], ids=["first", "later"])
    def test_a_fold_that_comes_late_changes_nothing(
        self, store: TallyStore, ledger: LedgerStore, *, first: bool
    ) -> None:
        """Where a row or the base is another one by now, nothing is folded."""
        written = store.write(a_tally("a"), None)
        if not first:
            ledger.fold(a_tally("", events=1), None, [])
        seen = ledger.read()
        etag = seen.base.etag if seen.base else None
        store.write(a_tally("a", events=2), written)
        with pytest.raises(Changed):
            ledger.fold(a_tally("", events=9), etag, seen.tallies)
        with pytest.raises(Changed):
            ledger.fold(a_tally("", events=9), None if etag else 'W/"other"', ledger.read().tallies)
        now = ledger.read()
        assert (now.base.value.sums if now.base else None) == (None if first else {"events": 1})
        assert [each.value.sums for each in now.tallies] == [{"events": 2}]


class QueueGaugeContract:
    """A subclass gives the fixture `gauge`, and fills queues."""

    @abstractmethod
    def fill(self, queue: str, delay: timedelta) -> None:
        """Put a message on a queue."""

    def test_queues_are_counted(self, gauge: QueueGauge) -> None:
        """Each queue is counted, hidden messages too; the front is of a message that is ready."""
        assert set(gauge.depths().values()) == {0}
        assert gauge.front() is None
        for queue, delay in (("retries", 60), ("jobs", 0), ("jobs-poison", 0), ("jobs-poison", 0)):
            self.fill(queue, timedelta(seconds=delay))
        found = gauge.depths()
        counts = {"changes": 0, "changes-poison": 0, "retries": 1, "retries-poison": 0, "jobs": 1, "jobs-poison": 2}
        assert found == counts
        assert gauge.front() is None
        self.fill("changes", timedelta())
        assert gauge.front() is not None


def a_tally(process: str, **sums: float) -> Tally:
    """Return a tally with *sums*."""
    waiting = {"1772445600": 1772440000}
    return Tally(process=process, role=Role.SIDECAR, updated=START, sums=sums, gauges={"g": 1}, waiting=waiting)
