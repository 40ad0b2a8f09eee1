"""HTTP with patience: a request takes a share of what is left of it."""

from time import monotonic
from typing import Any

from requests import PreparedRequest, Response, Session
from requests.exceptions import RequestException

from shared.patience import left, over, waste

# Less than this is too little for another try, with the pause before it.
_TOO_LITTLE_SECONDS = 2


class PatientSession(Session):
    """
    A session with *whom*, which is named where patience ends; without patience it is as any other.

    Every request needs a timeout, of one number or of two.
    """

    def __init__(self, whom: str) -> None:
        super().__init__()
        self._whom = whom

    def send(self, request: PreparedRequest, **options: Any) -> Response:
        """Sends *request*; raises TryLater where there is no time for another try."""
        # One answer may be lost: half of what is left is for what comes after it. A connection may be tried twice.
        share = left() / 2
        given = options["timeout"]
        connect, read = given if isinstance(given, tuple) else (given, given)
        options["timeout"] = (min(connect, share / 2), min(read, share))
        began = monotonic()
        try:
            return super().send(request, **options)
        except RequestException as problem:
            waste(monotonic() - began, self._whom)
            if left() < _TOO_LITTLE_SECONDS:
                raise over() from problem
            raise
