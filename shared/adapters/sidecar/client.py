"""The way to the sidecar: kept connections, a timeout on every call, and its errors as ours."""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import TypeVar

import requests
from pydantic import ValidationError
from requests.adapters import HTTPAdapter

from shared.adapters.sidecar import wire
from shared.domain.errors import NoSidecar, TryLater
from shared.domain.models import ApiModel

Answer = TypeVar("Answer", bound=ApiModel)

_CONNECT_SECONDS = 3.0
# The sidecar gives up before, and says on what.
_ANSWER_SECONDS = 60.0
# Sending tells nobody that it is under way, and whoever gives up does not know whether the message went.
_SEND_SECONDS = 300.0
_HEALTH_SECONDS = 0.7


class SidecarClient:
    """Calls the sidecar at *url*; threads may share it. While the key changes, it may know only one of them."""

    def __init__(self, url: str, key: str, *others: str) -> None:
        self._url = url.rstrip("/")
        self._keys = (key, *others)
        self._session = requests.Session()
        # Nothing between two containers of ours is a proxy's business.
        self._session.trust_env = False
        adapter = HTTPAdapter(pool_connections=2, pool_maxsize=32)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def call(self, name: str, asked: ApiModel, answer: type[Answer], *, sends: bool = False) -> Answer:
        """Returns the answer to the call *name*; raises what the sidecar says, NoSidecar or TryLater."""
        response = self._post(name, wire.encode(asked), _SEND_SECONDS if sends else _ANSWER_SECONDS)
        if response.status_code == HTTPStatus.OK:
            return _told(answer, response)
        refused = _told(wire.Refused, response)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            raise NoSidecar("The sidecar does not know our key: SIDECAR_KEY must be the same there and here.")
        raise refused.error()

    def check(self) -> None:
        """Returns where the sidecar answers; raises NoSidecar or TryLater."""
        response = self._reach(
            lambda: self._session.get(f"{self._url}/health", timeout=_HEALTH_SECONDS, allow_redirects=False)
        )
        if response.status_code != HTTPStatus.OK:
            raise TryLater(f"The sidecar's health is {response.status_code}.")

    def _post(self, name: str, body: bytes, seconds: float) -> requests.Response:
        for key in self._keys:
            post = partial(
                self._session.post,
                f"{self._url}{wire.PREFIX}{name}",
                data=body,
                headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
                timeout=(_CONNECT_SECONDS, seconds),
                allow_redirects=False,
            )
            response = self._reach(post)
            if response.status_code != HTTPStatus.UNAUTHORIZED:
                break
        return response

    def _reach(self, call: Callable[[], requests.Response]) -> requests.Response:
        try:
            return call()
        except requests.Timeout as exc:
            raise TryLater("The sidecar at SIDECAR_URL does not answer in time.") from exc
        except requests.RequestException as exc:
            raise NoSidecar(f"No sidecar answers at SIDECAR_URL ({type(exc).__name__}): see that one runs.") from exc


def _told(kind: type[Answer], response: requests.Response) -> Answer:
    try:
        return wire.decode(kind, response.content)
    except ValidationError:
        status = response.status_code
    # Outside of `except`: pydantic's own text would show what was answered, and that may be mail.
    raise TryLater(f"The sidecar at SIDECAR_URL answers {status} in words that are not ours.")


class SidecarDependency:
    """The sidecar, as `GET /health` asks for it."""

    name = "sidecar"

    def __init__(self, client: SidecarClient) -> None:
        self._client = client

    def check(self) -> None:
        """Returns where it answers; raises TryLater where it does not."""
        self._client.check()
