"""Azurite starts on the ports it is given, or says why not."""

import socket
from dataclasses import replace

import pytest
import requests
from azure.storage.queue import QueueServiceClient

from local import azurite


def test_running() -> None:
    """Azurite answers the SDK as soon as it is handed over, keeps connections, and its ports are free afterwards."""
    with azurite.running() as emulator:
        service = QueueServiceClient.from_connection_string(emulator.connection_string)
        service.create_queue("first")
        kept = {
            requests.get(f"http://127.0.0.1:{port}/", timeout=60).headers["Keep-Alive"]
            for port in (emulator.ports.blob, emulator.ports.queue, emulator.ports.table)
        }
    assert kept == {"timeout=3600"}
    socket.create_server(("127.0.0.1", emulator.ports.queue)).close()


def test_port_taken() -> None:
    """A taken port is named in a sentence."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with (
            pytest.raises(azurite.AzuriteUnavailable, match=f"Port {port}, which Azurite needs, is taken"),
            azurite.running(replace(azurite.free_ports(), table=port)),
        ):
            pass
