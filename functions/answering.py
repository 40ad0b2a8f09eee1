"""Answering: each request ends in one line of the log, whatever becomes of it."""

from http import HTTPStatus
from time import monotonic

import azure.functions as func

from shared import bootstrap
from shared.domain.errors import RelayError
from shared.domain.failures import explained
from shared.domain.tokens import token_id

# Enough of a token's id to find it among the few that there are.
_TOKEN_DIGITS = 12


class Answering:
    """A request to *function* that is being answered."""

    def __init__(self, function: str) -> None:
        self._function = function
        self._began = monotonic()
        self._caller: dict[str, str | None] = {}

    def knows(self, account: str | None, token: str | None) -> None:
        """Notes who asks about which account, once that is proved: what a stranger wrote fills no log."""
        self._caller = {"account": account or None, "token": token_id(token or "")[:_TOKEN_DIGITS]}

    def told(self, answer: func.HttpResponse, problem: RelayError | None = None) -> func.HttpResponse:
        """Returns *answer*, of which the log knows then; only failures of ours are told in words."""
        # A refusal's words may repeat what the caller sent.
        ours = problem is not None and problem.status_hint >= HTTPStatus.INTERNAL_SERVER_ERROR
        bootstrap.log().event(
            "request.answered",
            function=self._function,
            status=answer.status_code,
            code=problem.code if problem else None,
            error=str(problem) if ours else None,
            milliseconds=self._milliseconds,
            **self._caller,
        )
        return answer

    def broke(self, problem: Exception) -> None:
        """Has the log know what nobody foresaw."""
        bootstrap.log().problem(
            "request.broken",
            function=self._function,
            milliseconds=self._milliseconds,
            **explained(problem),
            **self._caller,
        )

    @property
    def _milliseconds(self) -> int:
        return int((monotonic() - self._began) * 1000)
