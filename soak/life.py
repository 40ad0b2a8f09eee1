"""Life in the mailboxes: mail comes, and what was told of is flagged, moved and deleted."""

import random
import threading
import time
from dataclasses import dataclass, field

from local.m365 import samples
from soak.ledger import Ledger
from tests.faults.stack import Stack

RATE = 6.0
_ARRIVALS = 0.65
_MAIL = (samples.plain, samples.newsletter, samples.non_ascii)


@dataclass
class Life:
    """Goes on at `RATE` a second until it is stopped. A message changes once, and only after its arrival was told."""

    stack: Stack
    ledger: Ledger
    chance: random.Random
    _touched: set[str] = field(default_factory=set)
    _stop: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> threading.Thread:
        """Start, in a thread of its own."""
        thread = threading.Thread(target=self._live, name="life", daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """Let nothing happen any more."""
        self._stop.set()

    def _live(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            if self.chance.random() < _ARRIVALS or not self._change():
                self._arrive()
            due += 1 / RATE
            self._stop.wait(max(0.0, due - time.monotonic()))

    def _arrive(self) -> None:
        mailbox = self.chance.choice(self.stack.mailboxes)
        mime = self.chance.choice(_MAIL)()
        at = time.time()
        self.ledger.happened("messageNew", mailbox, self.stack.m365.deliver(mailbox, mime), at)

    def _change(self) -> bool:
        told = self.stack.customer.accepted()
        ripe = [
            each
            for each in self.ledger.all()
            if each.event == "messageNew" and each.message not in self._touched and told.get(each.key)
        ]
        if not ripe:
            return False
        chosen = self.chance.choice(ripe)
        self._touched.add(chosen.message)
        event = self.chance.choice(("messageUpdated", "messageMoved", "messageDeleted"))
        self.ledger.happened(event, chosen.mailbox, chosen.message, time.time())
        if event == "messageUpdated":
            self.stack.m365.set_flag(chosen.mailbox, chosen.message)
        elif event == "messageMoved":
            self.stack.m365.move(chosen.mailbox, chosen.message, "archive")
        else:
            self.stack.m365.delete(chosen.mailbox, chosen.message)
        return True
