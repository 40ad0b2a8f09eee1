"""One table of the account, made by its first row and empty until then, with its failures translated."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

from shared.adapters.storage.connection import QUICK, StorageConnection
from shared.adapters.storage.errors import TABLE_NOT_FOUND, code_of, translated
from shared.domain.errors import FieldProblem, InvalidRequest

if TYPE_CHECKING:
    from azure.data.tables import TableClient

Result = TypeVar("Result")
Operation = tuple[str, Mapping[str, Any]] | tuple[str, Mapping[str, Any], Mapping[str, Any]]

# https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
TRANSACTION_ROWS = 100
_MOST_ROWS_A_PAGE = 1000
_MOST_REQUESTS_A_PAGE = 5
_POSITION = frozenset({"PartitionKey", "RowKey"})


@dataclass(frozen=True)
class Row:
    """A row as it was read."""

    columns: Mapping[str, Any]
    etag: str


class Table:
    """The table *name*; *quick* has the calls for one row wait for seconds only, and not try again."""

    def __init__(self, connection: StorageConnection, name: str, *, quick: bool = False) -> None:
        self._connection = connection
        self._name = name
        self._options = QUICK if quick else {}
        self._client: TableClient | None = None
        self._lock = Lock()

    def get(self, partition: str, row: str, select: Sequence[str] | None = None) -> Row | None:
        """Returns the row, or None where there is none; *select* names the columns that are wanted."""

        def read(client: "TableClient") -> Row | None:
            try:
                entity = client.get_entity(partition, row, select=list(select) if select else None, **self._options)
            except ResourceNotFoundError:
                # No row, or no table for want of any: a caller who asks for what is not there makes no table.
                return None
            return Row(entity, str(entity.metadata["etag"]))

        return self._run(read)

    def insert(self, columns: Mapping[str, Any]) -> str:
        """Adds a row and returns its ETag; raises Changed where its key is taken."""
        return str(self._run(lambda client: client.create_entity(columns, **self._options))["etag"])

    def put(self, columns: Mapping[str, Any]) -> None:
        """Overwrites the row, whatever it was."""
        options: dict[str, Any] = {"mode": "replace"}
        self._run(lambda client: client.upsert_entity(columns, **options))

    def replace(self, columns: Mapping[str, Any], etag: str, *, merge: bool = False) -> str:
        """
        Overwrites the row that was read with *etag* and returns its new one; raises Changed where it is another now.

        With *merge*, columns that are not given stay.
        """
        options = {**replacing(etag, merge=merge), **self._options}
        return str(self._run(lambda client: client.update_entity(columns, **options))["etag"])

    def delete(self, partition: str, row: str, etag: str | None = None) -> bool:
        """Removes the row, with *etag* only as it was read, and tells whether there was one."""
        statuses: list[int] = []
        options: dict[str, Any] = {
            "raw_response_hook": lambda answer: statuses.append(answer.http_response.status_code),
            **self._options,
        }
        if etag is not None:
            options |= unchanged(etag)
        # The library says nothing of a row that is not there, so the answer itself is asked.
        self._run(lambda client: client.delete_entity(partition, row, **options))
        return statuses[-1] != 404  # noqa: PLR2004  not found

    def drop(self) -> None:
        """Removes the table with all its rows, in one request; one that is gone is fine."""
        # Storage refuses the name for a while (TableBeingDeleted, so TryLater); whoever drops needs it no more.
        # https://learn.microsoft.com/rest/api/storageservices/delete-table
        self._run(lambda client: client.delete_table())

    def transact(self, operations: Sequence[Operation]) -> list[str]:
        """Carries out all *operations* on one partition, or none, and returns new ETags; at most 100 rows and 4 MiB."""
        if len(operations) == 1 and operations[0][0] != "delete":
            # The same to storage, and a third of the work: the library writes and reads transactions as mail. But of
            # a row that is not there to be deleted, only a transaction tells.
            return [self._write(*operations[0])]
        # The library's types ask for mutable rows, which it does not change.
        accepted: Any = operations
        done = self._run(lambda client: client.submit_transaction(accepted))
        return [str(each.get("etag", "")) for each in done]

    def page(
        self,
        condition: str,
        values: Mapping[str, Any],
        *,
        position: dict[str, str] | None,
        limit: int,
        select: Sequence[str] | None = None,
    ) -> tuple[list[Row], dict[str, str] | None]:
        """
        Returns up to *limit* rows after *position* that meet *condition*, and the position after them.

        A condition names its values (`state eq @state`), so none can change its meaning. Storage may answer with few
        rows and a way on; after 5 such answers the caller gets what there is.
        """
        if position is not None and (not position or not position.keys() <= _POSITION):
            raise bad_cursor()
        rows: list[Row] = []
        for _ in range(_MOST_REQUESTS_A_PAGE):
            found, position = self._answer(condition, values, position, limit - len(rows), select)
            rows += found
            if position is None or len(rows) >= limit:
                break
        return rows, position

    def all(self, condition: str, values: Mapping[str, Any], select: Sequence[str] | None = None) -> Iterator[Row]:
        """Returns every row that meets *condition*, in the order of their keys."""
        position: dict[str, str] | None = None
        while True:
            rows, position = self._answer(condition, values, position, _MOST_ROWS_A_PAGE, select)
            yield from rows
            if position is None:
                return

    def _write(self, kind: str, row: Mapping[str, Any], options: Mapping[str, Any] | None = None) -> str:
        def write(client: "TableClient") -> Mapping[str, Any]:
            ways: dict[str, Callable[..., Mapping[str, Any]]] = {
                "create": client.create_entity,
                "upsert": client.upsert_entity,
                "update": client.update_entity,
            }
            return ways[kind](row, **(options or {}))

        return str(self._run(write)["etag"])

    def _answer(
        self,
        condition: str,
        values: Mapping[str, Any],
        position: dict[str, str] | None,
        limit: int,
        select: Sequence[str] | None,
    ) -> tuple[list[Row], dict[str, str] | None]:
        def read(client: "TableClient") -> tuple[list[Row], dict[str, str] | None]:
            options: dict[str, Any] = {
                "results_per_page": min(limit, _MOST_ROWS_A_PAGE),
                "select": list(select) if select else None,
            }
            query = (
                client.query_entities(condition, parameters=dict(values), **options)
                if condition
                else client.list_entities(**options)
            )
            # The library's types say that a token is text; the tables' tokens are dictionaries.
            token: Any = position
            pages: Any = query.by_page(continuation_token=token)
            try:
                rows = [Row(entity, str(entity.metadata["etag"])) for entity in next(pages)]
            except ResourceNotFoundError:
                return [], None
            after = {key: value for key, value in (pages.continuation_token or {}).items() if value is not None}
            return rows, after or None

        try:
            return self._run(read)
        except HttpResponseError as error:
            if position is not None and error.status_code == 400:  # noqa: PLR2004  bad request
                raise bad_cursor() from error
            raise

    def _run(self, call: "Callable[[TableClient], Result]") -> Result:
        with translated():
            client = self._opened()
            try:
                return call(client)
            except HttpResponseError as error:
                if code_of(error) != TABLE_NOT_FOUND:
                    raise
            _create(client, self._options)
            return call(client)

    def _opened(self) -> "TableClient":
        with self._lock:
            if self._client is None:
                self._client = self._connection.tables().get_table_client(self._name)
            return self._client


def replacing(etag: str, *, merge: bool = False) -> dict[str, Any]:
    """Returns the options of an update that happens only where the row still has *etag*."""
    return {"mode": "merge" if merge else "replace", **unchanged(etag)}


def unchanged(etag: str) -> dict[str, Any]:
    """Returns the options of what happens only where the row still has *etag*."""
    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}


def bad_cursor() -> InvalidRequest:
    """Returns what a position is refused with that no page returned."""
    return InvalidRequest(FieldProblem("cursor", '"cursor" must be one that an earlier page returned'))


def _create(client: "TableClient", options: Mapping[str, Any]) -> None:
    try:
        client.create_table(**options)
    except ResourceExistsError as error:
        if code_of(error) != "TableAlreadyExists":
            raise
