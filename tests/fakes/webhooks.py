"""The customers' endpoints in memory."""

import json
from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from shared.domain.deliveries import Outcome
from shared.ports.deliveries import Post

TAKEN = Outcome(status=200, milliseconds=5)
FAILED = Outcome(status=500, milliseconds=5)
GONE = Outcome(status=410, milliseconds=5)


class FakeWebhookSender:
    """
    Keeps every POST and answers with the next of `outcomes`, or with a 200.

    `meanwhile` is called while the POSTs are on their way.
    """

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.outcomes: deque[Outcome] = deque()
        self.meanwhile: Callable[[], None] = lambda: None
        self._lock = Lock()

    def answer(self, *outcomes: Outcome) -> None:
        """Make the next POSTs come out so."""
        self.outcomes.extend(outcomes)

    def send(self, posts: Sequence[Post]) -> list[Outcome]:
        """Return an outcome for each POST."""
        if posts:
            self.meanwhile()
        with self._lock:
            self.posts.extend(posts)
            return [self.outcomes.popleft() if self.outcomes else TAKEN for _ in posts]

    def bodies(self) -> list[dict[str, Any]]:
        """Return what was posted, parsed."""
        with self._lock:
            return [json.loads(post.body) for post in self.posts]

    def events(self) -> list[str]:
        """Return the names of the events that were posted."""
        return [body["event"] for body in self.bodies()]
