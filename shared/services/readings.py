"""
Readings: the messages that changes are about, as they are now.

Reads of many callers gather into common batches. Those of a crowded mailbox do not: they take their turn under a
permit, and would hold the others up.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from shared.domain.mailboxes import mailbox_key
from shared.group_commit import GroupCommit
from shared.ports.microsoft365 import MessageReader, Reading, ReadRequest
from shared.services.permits import Permits

# What one call to Graph holds.
_TOGETHER = 20


@dataclass(frozen=True)
class Readings:
    """Reads through `gathered`, or what is crowded through `reader` alone."""

    gathered: GroupCommit[ReadRequest, Reading]
    reader: MessageReader
    permits: Permits

    def read(self, requests: Sequence[ReadRequest], crowded: Collection[str]) -> list[Reading | None]:
        """
        Returns a reading for each request, in their order; None where a mailbox of *crowded* has no room for us now.

        Mailboxes are named by their keys. Raises TryLater where nobody can tell whether there is room.
        """
        together: list[int] = []
        apart: dict[str, list[int]] = {}
        for index, request in enumerate(requests):
            mailbox = mailbox_key(request.app, request.user)
            (apart.setdefault(mailbox, []) if mailbox in crowded else together).append(index)
        groups = [together[start : start + _TOGETHER] for start in range(0, len(together), _TOGETHER)]
        pending = [(group, self.gathered.submit([requests[index] for index in group])) for group in groups]
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
