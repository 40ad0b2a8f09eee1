"""Models: immutable, strict about names, camelCase at the API."""

from enum import StrEnum

import pytest
from pydantic import ValidationError

from shared.domain.models import ApiModel, Carried, OrNewer, Owned


class Stored(Owned):
    """A value with one field."""

    page_size: int = 20


class Kind(StrEnum):
    """A kind."""

    OLD = "old"


class Queued(Carried):
    """The same value in a queue message or a row."""

    page_size: int = 20
    kind: OrNewer[Kind] = Kind.OLD


class Shown(ApiModel):
    """The same value at the API."""

    page_size: int = 20


def test_values_do_not_change() -> None:
    """A value of ours cannot be changed after it was made."""
    with pytest.raises(ValidationError, match="frozen"):
        Stored().page_size = 5  # type: ignore[misc]  # the mistake that the test is about


@pytest.mark.parametrize("model", [Stored, Shown])
def test_a_name_it_does_not_know_is_a_mistake(model: type[Owned]) -> None:
    """A misspelt name is refused instead of ignored."""
    with pytest.raises(ValidationError, match="not permitted"):
        model.model_validate({"pagesize": 5})


def test_what_is_carried_may_be_a_newer_versions() -> None:
    """What a queue or a row carries keeps the names that it does not know, and does not change either."""
    newer = Queued.model_validate({"page_size": 5, "since": 7})
    assert newer.model_copy(update={"page_size": 6}).model_dump() == {"page_size": 6, "kind": "old", "since": 7}
    with pytest.raises(ValidationError, match="frozen"):
        newer.page_size = 5  # type: ignore[misc]  # the mistake that the test is about


def test_the_api_speaks_camel_case() -> None:
    """A model of the API is read and written in EmailEngine's camelCase."""
    assert Shown.model_validate({"pageSize": 5}).model_dump(by_alias=True) == {"pageSize": 5}


def test_a_word_may_be_a_newer_versions() -> None:
    """A word of an enumeration is read as what it is; one that is not known here stays, and is written as it was."""
    assert Queued.model_validate_json('{"kind": "old"}').kind is Kind.OLD
    newer = '{"page_size":20,"kind":"new"}'
    assert Queued.model_validate_json(newer).model_dump_json() == newer
