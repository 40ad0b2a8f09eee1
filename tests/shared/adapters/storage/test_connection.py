"""The way to storage: what it reaches, how it signs in, and what it loads."""

import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.queues import Queue
from shared.adapters.storage.tables.table import Table
from shared.domain.errors import TryLater
from shared.patience import patience


def test_the_shorthand_means_the_emulator() -> None:
    """`UseDevelopmentStorage=true` reaches the emulator's usual ports."""
    connection = StorageConnection(connection_string="UseDevelopmentStorage=true;")
    assert connection.queue("jobs").url == "http://127.0.0.1:10001/devstoreaccount1/jobs"
    assert connection.tables().url == "http://127.0.0.1:10002/devstoreaccount1"


def test_an_identity_reaches_the_account_by_name_or_address() -> None:
    """Without a connection string, the account's name or the services' addresses say where to go."""
    named = StorageConnection(account_name="relay", client_id="1f6a0000-0000-4000-8000-000000000000")
    assert named.queue("jobs").url == "https://relay.queue.core.windows.net/jobs"
    assert named.tables().url == "https://relay.table.core.windows.net"
    china = StorageConnection(
        queue_service_uri="https://relay.queue.core.chinacloudapi.cn",
        table_service_uri="https://relay.table.core.chinacloudapi.cn",
    )
    assert china.queue("jobs").url == "https://relay.queue.core.chinacloudapi.cn/jobs"
    assert china.tables().url == "https://relay.table.core.chinacloudapi.cn"


def test_an_unknown_account_is_told() -> None:
    """Without any of them, a sentence says what to give."""
    with pytest.raises(ValueError, match="give a connection string, its name, or its queue address"):
        StorageConnection().queue("jobs")


def test_the_key_is_not_shown() -> None:
    """A connection that is printed does not tell its key."""
    assert "AccountKey" not in repr(StorageConnection(connection_string="AccountName=a;AccountKey=b"))


def test_every_client_waits_a_bounded_time() -> None:
    """Clients share connections for 32 threads, with timeouts and few retries."""
    connection = StorageConnection(connection_string="UseDevelopmentStorage=true")
    transport = connection._common["transport"]
    assert (transport.connection_config.timeout, transport.connection_config.read_timeout) == (5, 20)
    for scheme in ("http://", "https://"):
        assert transport.session.get_adapter(f"{scheme}host/")._pool_maxsize == 32


def test_nobody_waits_for_silent_storage_longer_than_he_has_patience() -> None:
    """Storage that takes connections and never answers is not waited for as long as the clients would."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        at = f"http://127.0.0.1:{silent.getsockname()[1]}/a"
        connection = StorageConnection(
            connection_string=f"AccountName=a;AccountKey=aw==;TableEndpoint={at};QueueEndpoint={at}"
        )
        began = monotonic()
        with patience(timedelta(seconds=0.1)):
            with pytest.raises(TryLater):
                Table(connection, "accounts").get("partition", "row")
            with pytest.raises(TryLater):
                Queue(connection, "jobs").put("text", timedelta())
        # One try of a client takes 20 seconds.
        assert monotonic() - began < 15


@pytest.mark.parametrize(
    ("modules", "unwanted"),
    [
        (["queues", "health"], ["azure.data", "azure.identity", "azure.storage"]),
        (["tables.deliveries", "tables.accounts"], ["azure.storage", "azure.identity", "azure.data"]),
    ],
)
def test_importing_loads_no_client_library(root: Path, modules: list[str], unwanted: list[str]) -> None:
    """Queues never load the tables' library nor tables the queues', and neither is loaded before it is used."""
    imports = "; ".join(f"import shared.adapters.storage.{module}" for module in modules)
    program = f"import sys; {imports}; print([name for name in {unwanted!r} if name in sys.modules])"
    ran = subprocess.run(  # noqa: S603  the program stands in this file
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"
