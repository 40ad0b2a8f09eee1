"""
Poison: what the host gave up becomes visible, and can be tried again or dismissed.

First the row, then the end of the message; first the message, then the mark. A crash in between repeats a step and
loses nothing: the row's key is the message's, and whatever is queued may be worked on twice.
"""

from dataclasses import dataclass
from typing import Any

from shared.domain.errors import Changed, PoisonNotFound
from shared.domain.paging import decode_cursor, encode_cursor
from shared.domain.poison import Poisoned, PoisonQuery, view
from shared.ports.machine import Machine
from shared.ports.queues import GivenUp, PoisonQueue
from shared.ports.state import PoisonStore

# Far more than any tick should find; the rest is for the next one.
_MOST_ROUNDS = 100


@dataclass(frozen=True)
class Poison:
    """Keeps messages that were given up, shows them, requeues and dismisses them."""

    queue: PoisonQueue
    store: PoisonStore
    machine: Machine

    def drain(self) -> int:
        """Moves what was given up into rows, and returns how many messages there were."""
        moved = 0
        for _ in range(_MOST_ROUNDS):
            taken = self.queue.take()
            if not taken:
                break
            for message in taken:
                self._keep(message)
            moved += len(taken)
        self.machine.log.event("poison.drained", kept=moved)
        return moved

    def page(self, query: PoisonQuery) -> dict[str, Any]:
        """Returns a page of what was given up, the newest first, with the cursor of the next page."""
        page = self.store.page(decode_cursor(query.cursor), query.page_size)
        return {"poison": [view(each) for each in page.items], "nextPageCursor": encode_cursor(page.position)}

    def requeue(self, poison_id: str) -> dict[str, Any]:
        """Puts the message back on its queue and marks its row; raises PoisonNotFound or NotRequeueable."""
        stored = self.store.get(poison_id)
        if stored is None:
            raise PoisonNotFound(poison_id)
        poisoned = stored.value
        self.queue.requeue(poisoned.queue, poisoned.body)
        marked = poisoned.model_copy(update={"requeued": self.machine.clock.now()})
        try:
            self.store.replace(marked, stored.etag)
        except Changed:
            # Somebody requeued it at the same moment, and the mark says so already.
            return view(marked)
        self.machine.log.event("poison.requeued", id=poison_id, queue=poisoned.queue)
        return view(marked)

    def dismiss(self, poison_id: str) -> dict[str, Any]:
        """Forgets the message; raises PoisonNotFound, and Changed where somebody requeued it at the same moment."""
        stored = self.store.get(poison_id)
        if stored is None:
            raise PoisonNotFound(poison_id)
        self.store.remove(poison_id, stored.etag)
        self.machine.log.event("poison.dismissed", id=poison_id, queue=stored.value.queue)
        return {"id": poison_id, "deleted": True}

    def _keep(self, message: GivenUp) -> None:
        poisoned = Poisoned(
            queue=message.queue,
            message=message.id,
            body=message.body,
            takes=message.takes,
            given_up=message.given_up,
            kept=self.machine.clock.now(),
        )
        self.store.keep(poisoned)
        self.machine.log.problem("poison.kept", id=poisoned.id, queue=poisoned.queue, given_up=poisoned.given_up)
        self.queue.remove(message)
