"""What goes wrong, on demand."""

from collections import defaultdict, deque
from threading import Lock
from typing import Any, Generic, TypeVar, cast

Port = TypeVar("Port")


class Faulty(Generic[Port]):
    """
    Stands before a fake and makes calls fail, before they do their work or after.

    A call that fails after its work is the answer that got lost: the caller cannot know that the write happened.
    """

    def __init__(self, inner: Port) -> None:
        self.inner = inner
        self._faults: defaultdict[str, deque[tuple[Exception, bool]]] = defaultdict(deque)
        self._lock = Lock()

    @property
    def port(self) -> Port:
        """The faulty one, as what it stands before."""
        return cast("Port", self)

    def fail(self, method: str, error: Exception, *, after: bool = False, times: int = 1) -> None:
        """Make the next calls of *method* raise *error*."""
        with self._lock:
            self._faults[method].extend([(error, after)] * times)

    def __getattr__(self, method: str) -> Any:
        found = getattr(self.inner, method)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            with self._lock:
                error, after = self._faults[method].popleft() if self._faults[method] else (None, False)
            if error is not None and not after:
                raise error
            result = found(*args, **kwargs)
            if error is not None:
                raise error
            return result

        return call
