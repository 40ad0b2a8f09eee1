"""The wire to the storage account, which can be listened to, and cut at the worst moment."""

from functools import cached_property
from typing import Any

from requests import Response, Session
from requests.exceptions import ReadTimeout

from shared.adapters.storage.connection import StorageConnection


class Wire(Session):
    """
    Counts requests, the bytes of the largest one, and the bytes received.

    `lose` makes the next answers get lost after the service did its work.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.largest = 0
        self.received = 0
        self.lose = 0

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> Response:
        """Send a request."""
        self.calls.append(f"{method} {url.partition('?')[0].rpartition('/')[2]}")
        self.largest = max(self.largest, len(options.get("data") or b""))
        answer = super().request(method, url, *args, **options)
        self.received += int(answer.headers.get("Content-Length", 0)) or len(answer.content)
        if self.lose:
            self.lose -= 1
            raise ReadTimeout("The answer was lost.")
        return answer


class WiredConnection(StorageConnection):
    """A connection over a wire of its own."""

    @cached_property
    def wire(self) -> Wire:
        """What all its clients speak through."""
        return Wire()

    @cached_property
    def _common(self) -> dict[str, Any]:
        usual = super()._common
        usual["transport"].session = self.wire
        return usual
