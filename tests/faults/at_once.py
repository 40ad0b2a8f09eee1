"""A group commit that gathers nothing, for workers of which one runs at a time: threads would only cost."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any


class AtOnce:
    """Commits what is submitted in the thread that submits it."""

    def __init__(self, commit: Callable[[Sequence[Any]], Any]) -> None:
        self._commit = commit

    def submit(self, items: Sequence[Any]) -> Future[Any]:
        """Return a future that is over; what a commit raises, it raises here."""
        future: Future[Any] = Future()
        future.set_result(self._commit(items) if items else [])
        return future
