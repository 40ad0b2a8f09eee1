"""
Readings: the messages that changes are about, as they are now.

Reads of many callers gather into common batches, one for each backend. Those of a mailbox that is crowded at Graph do
not: they take their turn under a permit, and would hold the others up.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from shared.domain.mailboxes import mailbox_key
from shared.domain.providers import Provider
from shared.group_commit import GroupCommit
from shared.ports.microsoft365 import MessageReader, Reading, ReadRequest
from shared.services.permits import Permits

# What one call to Graph holds; the sidecar gets no more.
_TOGETHER = 20


@dataclass(frozen=True)
class Readings:
    """Reads through `gathered`, or what is crowded through `reader` alone; `delegated` is where users sign in."""

    gathered: GroupCommit[ReadRequest, Reading]
    reader: MessageReader
    permits: Permits
    delegated: GroupCommit[ReadRequest, Reading]

    def read(self, requests: Sequence[ReadRequest], crowded: Collection[str]) -> list[Reading | None]:
        """
        Returns a reading for each request, in their order; None where a mailbox of *crowded* has no room for us now.

        Mailboxes are named by their keys. Raises TryLater where nobody can tell whether there is room.
        """
        together: list[int] = []
        delegated: list[int] = []
        apart: dict[str, list[int]] = {}
        for index, request in enumerate(requests):
            if request.app.provider is Provider.OUTLOOK:
                delegated.append(index)
                continue
            mailbox = mailbox_key(request.app, request.user)
            (apart.setdefault(mailbox, []) if mailbox in crowded else together).append(index)
        pending = [
            (group, backend.submit([requests[index] for index in group]))
            for backend, indexes in ((self.gathered, together), (self.delegated, delegated))
            for group in (indexes[start : start + _TOGETHER] for start in range(0, len(indexes), _TOGETHER))
        ]
        readings = self._read_apart(requests, apart)
        for group, future in pending:
            readings |= zip(group, future.result(), strict=True)
        return [readings.get(index) for index in range(len(requests))]

    def _read_apart(self, requests: Sequence[ReadRequest], apart: Mapping[str, list[int]]) -> dict[int, Reading]:
        readings: dict[int, Reading] = {}
        entered = [mailbox for mailbox in apart if self.permits.enter(mailbox)]
        try:
            waiting = [(mailbox, apart[mailbox]) for mailbox in entered]
            while waiting := [(mailbox, left) for mailbox, left in waiting if left and self.permits.holds(mailbox)]:
                asked = [index for _, left in waiting for index in left[:_TOGETHER]]
                readings |= zip(asked, self.reader.read([requests[index] for index in asked]), strict=True)
                waiting = [(mailbox, left[_TOGETHER:]) for mailbox, left in waiting]
        finally:
            for mailbox in entered:
                self.permits.leave(mailbox)
        return readings
