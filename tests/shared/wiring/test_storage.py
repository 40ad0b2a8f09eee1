"""The storage account: by a connection string, or by its name and an identity."""

from collections.abc import Callable

from shared.settings import Settings
from shared.wiring.storage import storage_of


def test_an_account_is_named_by_name_and_identity(settings: Callable[..., Settings]) -> None:
    """Without a connection string the account's name and the identity's client id lead to it."""
    named = {"AzureWebJobsStorage__accountName": "relay", "AzureWebJobsStorage__clientId": "id"}
    connection = storage_of(settings(AzureWebJobsStorage=None, **named))
    assert (connection.connection_string, connection.account_name, connection.client_id) == (None, "relay", "id")


def test_parts_of_a_process_share_their_connections(settings: Callable[..., Settings]) -> None:
    """The same settings lead to the same storage, so that what is kept for one is found by the other."""
    assert storage_of(settings()) == storage_of(settings())
