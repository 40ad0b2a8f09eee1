"""Records in rows: a model as JSON over as many columns as it needs, and bytes likewise."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from shared.domain.errors import NewerRecord
from shared.domain.models import Carried

Model = TypeVar("Model", bound=Carried)
Chunk = TypeVar("Chunk", str, bytes)

# A text column holds 32K UTF-16 units, which is 16K characters at worst; a binary one holds 64 KiB.
# https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
TEXT_CHUNK = 16_000
BYTES_CHUNK = 64 * 1024
_MOST_PARTS = 8


def text_of(model: Carried) -> str:
    """Returns *model* as it is stored."""
    return model.model_dump_json()


def read(kind: type[Model], text: str | bytes) -> Model:
    """Returns the model that text_of() wrote; raises NewerRecord where only a newer version can read it."""
    try:
        return kind.model_validate_json(text)
    except ValidationError as problem:
        # The field alone: what stands below it in a location may be a name out of somebody's data.
        places = {str(each["loc"][0]) for each in problem.errors(include_input=False) if each["loc"]}
    # Outside of `except`: pydantic's own text would show the row's values, as the cause or the context of ours.
    raise NewerRecord(kind.__name__, *sorted(places))


def pack(model: Carried) -> dict[str, Any]:
    """Returns the columns that hold *model*; `parts` counts them, since a merge leaves former ones behind."""
    chunks = _chunked(text_of(model), TEXT_CHUNK)
    return {"parts": len(chunks), **{f"record{number}": chunk for number, chunk in enumerate(chunks)}}


def unpack(kind: type[Model], row: Mapping[str, Any]) -> Model:
    """Returns the model that pack() wrote; raises NewerRecord where only a newer version can read it."""
    return read(kind, "".join(row[f"record{number}"] for number in range(row["parts"])))


def record_columns() -> list[str]:
    """Returns the columns to ask for where a record stands beside bytes that are not wanted; it may have 8 parts."""
    return ["PartitionKey", "RowKey", "parts", *(f"record{number}" for number in range(_MOST_PARTS))]


def pack_bytes(name: str, data: bytes) -> dict[str, bytes]:
    """Returns the columns `name0`, `name1`, ... that hold *data*."""
    return {f"{name}{number}": chunk for number, chunk in enumerate(_chunked(data, BYTES_CHUNK))}


def unpack_bytes(name: str, row: Mapping[str, Any]) -> bytes:
    """Returns the bytes that pack_bytes() wrote into a row that was overwritten as a whole."""
    return b"".join(_columns(name, row))


def _columns(name: str, row: Mapping[str, Any]) -> Iterator[bytes]:
    number = 0
    while (chunk := row.get(f"{name}{number}")) is not None:
        yield chunk
        number += 1


def _chunked(data: Chunk, size: int) -> list[Chunk]:
    return [data[start : start + size] for start in range(0, len(data), size)]
