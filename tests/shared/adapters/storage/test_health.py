"""Whether storage answers is known at once."""

from collections.abc import Callable

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.health import StorageDependency
from shared.domain.errors import TryLater
from tests.fakes.storage_wire import WiredConnection


def test_an_empty_account_answers(connection: StorageConnection, unique: Callable[[str], str], unhurried: None) -> None:
    """Before anything was written, storage counts as well."""
    StorageDependency(connection, prefix=unique("t")).check()


def test_an_account_that_does_not_answer_is_told(azurite: str, unhurried: None) -> None:
    """A closed port and a wrong key are both told without another try, and without the key."""
    closed = azurite.replace("http://127.0.0.1:", "http://127.0.0.2:")
    wrong = azurite.replace("AccountKey=Eby8", "AccountKey=AAAA")
    for connection_string in (closed, wrong):
        connection = WiredConnection(connection_string=connection_string)
        with pytest.raises(TryLater) as told:
            StorageDependency(connection).check()
        assert len(connection.wire.calls) == 1
        assert "K1SZFPTOtr" not in str(told.value)
