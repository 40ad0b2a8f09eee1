"""Azure's clients with patience, and the identity that they sign in with."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Thread
from typing import NoReturn

import pytest
from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest

from shared.domain.errors import TryLater
from shared.patience import left, patience
from shared.patient.azure import PatientTransport, credential_of


@contextmanager
def answering(*connections: int) -> Iterator[HttpRequest]:
    """Have each connection answer so many requests, and end at one more; returns a request that is not idempotent."""

    def serve() -> None:
        for answers in connections:
            kept, _ = server.accept()
            with kept:
                for _ in range(answers):
                    kept.recv(4096)
                    kept.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                kept.recv(4096)

    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=serve, daemon=True).start()
        yield HttpRequest("POST", f"http://127.0.0.1:{server.getsockname()[1]}/row")


def test_a_connection_that_ends_is_made_anew() -> None:
    """Where a kept connection is closed as it is used again, a POST too is sent again, over another."""
    transport = PatientTransport("Storage", connection_timeout=30, read_timeout=30)
    with answering(1, 1) as request:
        assert [transport.send(request).status_code for _ in range(2)] == [200, 200]


def test_who_ends_every_connection_is_not_asked_for_ever() -> None:
    """Where the other connection ends too, that is the answer."""
    transport = PatientTransport("Storage", connection_timeout=30, read_timeout=30)
    with answering(1, 0) as request:
        transport.send(request)
        with pytest.raises(ServiceResponseError):
            transport.send(request)


def test_a_pause_is_waited_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause between two tries wears patience out; one for which there is no time is told, and not made."""
    slept: list[float] = []
    monkeypatch.setattr(RequestsTransport, "sleep", lambda _, duration: slept.append(duration))
    transport = PatientTransport("The vault")
    transport.sleep(300)
    with patience(timedelta(seconds=20)):
        transport.sleep(4)
        assert left() == 16
        with pytest.raises(TryLater, match="The vault asks for more time") as told:
            transport.sleep(16)
    assert told.value.retry_after == timedelta(seconds=16)
    assert slept == [300, 4]


def test_an_identity_that_hangs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An identity endpoint that never answers is not waited for as long as Azure's client would, and is named."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}/token")
        monkeypatch.setenv("IDENTITY_HEADER", "proof")
        credential = credential_of("1f6a0000-0000-4000-8000-000000000000")
        with (
            patience(timedelta(seconds=0.1)),
            pytest.raises(TryLater, match="The managed identity's endpoint did not answer in time"),
        ):
            credential.get_token("https://vault.azure.net/.default")


def test_without_a_name_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no identity is named, whoever works at this machine signs in."""

    def sought(self: object, *, transport: object) -> NoReturn:
        raise NotImplementedError

    monkeypatch.setattr("azure.identity.DefaultAzureCredential.__init__", sought)
    with pytest.raises(NotImplementedError):
        credential_of(None)
