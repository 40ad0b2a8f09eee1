"""The collector: where telemetry goes, over HTTP, and what its answers mean."""

from collections.abc import Mapping, Sequence

from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

from shared.adapters.telemetry.otlp import Line, logs, traces

_TIMEOUT = Timeout(connect=3, read=7)
# https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes
_AGAIN = frozenset({429, 502, 503, 504})
_REFUSED = 400


class CollectorRefusedError(Exception):
    """The collector did not take the lines; *again* says that it may take them later."""

    def __init__(self, told: str, *, again: bool) -> None:
        super().__init__(told)
        self.again = again


class Collector:
    """Takes lines at *endpoint*, which does not name the signal; *headers* may hold a key."""

    def __init__(self, endpoint: str, headers: Mapping[str, str], resource: Mapping[str, str]) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._headers = {**headers, "Content-Type": "application/x-protobuf"}
        self._resource = resource
        self._http = PoolManager(num_pools=1, maxsize=1, timeout=_TIMEOUT, retries=False)

    def take(self, lines: Sequence[Line]) -> None:
        """
        Sends *lines*; raises CollectorRefusedError.

        Where only the spans were refused the records may come twice: each request is one signal.
        """
        spans = traces(lines, self._resource)
        if spans:
            self._post("traces", spans)
        self._post("logs", logs(lines, self._resource))

    def _post(self, signal: str, body: bytes) -> None:
        try:
            answer = self._http.request(
                "POST", f"{self._endpoint}/v1/{signal}", body=body, headers=self._headers, redirect=False
            )
        except (HTTPError, OSError) as problem:
            # The text of the problem may show the address; its kind is what an operator needs.
            raise CollectorRefusedError(type(problem).__name__, again=True) from None
        if answer.status >= _REFUSED or answer.status < 200:  # noqa: PLR2004  the smallest status that is a success
            raise CollectorRefusedError(f"{signal}: HTTP {answer.status}", again=answer.status in _AGAIN)
