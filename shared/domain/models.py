"""The base of every model that is ours: frozen, and strict about names."""

from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Word = TypeVar("Word", bound=StrEnum)
#: A word of an enumeration; one that only a newer version knows stays the text that it is.
OrNewer = Annotated[Word | str, Field(union_mode="left_to_right")]


class Owned(BaseModel):
    """A value of ours: immutable, and a name it does not know is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Carried(Owned):
    """
    A value of ours in a queue message or a row, which may be a newer version's: a name it does not know travels along.

    While a deployment replaces one instance after the other, and after a rollback, both versions read what either
    wrote, and whoever writes it back must not lose what only the other understands. So a field that is added needs a
    default, and what was read is changed by `model_copy`, never made anew.
    """

    model_config = ConfigDict(frozen=True, extra="allow")


class ApiModel(Owned):
    """A value that crosses the API: the same, spelt in EmailEngine's camelCase there."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)
