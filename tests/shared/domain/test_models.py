"""Models: immutable, strict about names, camelCase at the API."""

import pytest
from pydantic import ValidationError

from shared.domain.models import ApiModel, Owned


class Stored(Owned):
    """A value with one field."""

    page_size: int = 20


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


def test_the_api_speaks_camel_case() -> None:
    """A model of the API is read and written in EmailEngine's camelCase."""
    assert Shown.model_validate({"pageSize": 5}).model_dump(by_alias=True) == {"pageSize": 5}
