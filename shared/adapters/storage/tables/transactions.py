"""
Transactions on the wire: many rows of one partition, written together or not at all, in one request.

The library writes and reads the same bytes by way of Python's email package, in 0.7 ms of CPU a row, which was two
fifths of what an event cost. Here the bytes are ours; identity, tries and timeouts stay the library's.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest

if TYPE_CHECKING:
    from azure.data.tables import TableClient

# What to do (`create`, `upsert`, `update` or `delete`), the row, and as options `mode` and `etag`.
Operation = tuple[str, Mapping[str, Any]] | tuple[str, Mapping[str, Any], Mapping[str, Any]]

_ACCEPTED = 202
_ANSWER = re.compile(rb"^HTTP/1\.[01] (\d{3})", re.MULTILINE)
_ETAG = re.compile(rb"^etag: *(\S.*?)\r?$", re.MULTILINE | re.IGNORECASE)
_CODE = re.compile(rb'"code": *"(\w+)"')


class TransactionRefused(HttpResponseError):
    """One operation was refused, and so were all."""

    def __init__(self, status: int, code: str | None) -> None:
        super().__init__(f"Storage refuses a transaction ({status} {code}).")
        self.status_code = status
        self.error_code = code


# https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
def transact(client: "TableClient", operations: Sequence[Operation]) -> list[str]:
    """Carries out all *operations*, or none, and returns an ETag for each; raises what refuses one of them."""
    boundary = str(uuid4())
    request = HttpRequest(
        "POST",
        f"{client.url}/$batch",
        headers={
            "Content-Type": f"multipart/mixed; boundary=batch_{boundary}",
            "Accept": "application/json",
            "DataServiceVersion": "3.0",
            "MaxDataServiceVersion": "3.0;NetFx",
            "x-ms-version": client.api_version,
        },
        content=_body(f"{client.url}/{client.table_name}", operations, boundary),
    )
    answer = client._client.send_request(request, stream=True)  # noqa: SLF001  it has no other way in for such a request
    told = answer.read()
    if answer.status_code != _ACCEPTED:
        raise HttpResponseError(response=answer)
    return _etags(told, len(operations))


def _body(table: str, operations: Sequence[Operation], boundary: str) -> bytes:
    parts = [f"--batch_{boundary}\r\nContent-Type: multipart/mixed; boundary=changeset_{boundary}\r\n"]
    for number, operation in enumerate(operations):
        parts += [
            f"--changeset_{boundary}",
            f"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: {number}\r\n",
            *_part(table, *operation),
        ]
    return "\r\n".join([*parts, f"--changeset_{boundary}--", f"--batch_{boundary}--", ""]).encode()


def _part(table: str, kind: str, row: Mapping[str, Any], options: Mapping[str, Any] | None = None) -> Iterator[str]:
    given = options or {}
    keys = ",".join(f"{name}='{_key(row[name])}'" for name in ("PartitionKey", "RowKey"))
    if kind == "create":
        yield f"POST {table} HTTP/1.1"
        yield "Prefer: return-no-content"
    elif kind == "delete":
        yield f"DELETE {table}({keys}) HTTP/1.1"
    else:
        yield f"{'PUT' if given.get('mode') == 'replace' else 'MERGE'} {table}({keys}) HTTP/1.1"
    if kind in ("update", "delete"):
        yield f"If-Match: {given.get('etag', '*')}"
    yield "Accept: application/json;odata=minimalmetadata"
    yield "DataServiceVersion: 3.0"
    if kind == "delete":
        yield "\r\n"
    else:
        yield f"Content-Type: application/json\r\n\r\n{json.dumps(dict(_typed(row)))}"


def _key(value: str) -> str:
    return quote(value.replace("'", "''"), safe="")


# https://learn.microsoft.com/rest/api/storageservices/payload-format-for-table-service-operations
def _typed(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Returns the row's columns, and the types of those whose JSON does not show them."""
    for name, value in row.items():
        if isinstance(value, bytes):
            yield f"{name}@odata.type", "Edm.Binary"
            yield name, b64encode(value).decode()
        elif isinstance(value, datetime):
            yield f"{name}@odata.type", "Edm.DateTime"
            yield name, value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        elif isinstance(value, str | bool | int):
            yield name, value
        elif value is not None:
            raise TypeError(f"No column holds a {type(value).__name__} yet.")


def _etags(told: bytes, number: int) -> list[str]:
    """Returns the ETags that storage tells; raises the error that it tells of one operation, for all of them."""
    starts = [*_ANSWER.finditer(told)]
    ends = [*(each.start() for each in starts[1:]), len(told)]
    parts = [(int(start[1]), told[start.end() : end]) for start, end in zip(starts, ends, strict=True)]
    for status, part in parts:
        if status // 100 != 2:  # noqa: PLR2004  whatever is not a success
            raise _refusal(status, part)
    if len(parts) != number:
        raise HttpResponseError(f"Storage answered {len(parts)} of {number} operations.")
    found = (_ETAG.search(part) for _, part in parts)
    return [each[1].decode() if each else "" for each in found]


def _refusal(status: int, part: bytes) -> "TransactionRefused":
    found = _CODE.search(part)
    return TransactionRefused(status, found[1].decode() if found else None)
