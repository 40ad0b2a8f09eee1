"""The base of every model that is ours: frozen, and strict about names."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Owned(BaseModel):
    """A value of ours: immutable, and a name it does not know is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ApiModel(Owned):
    """A value that crosses the API: the same, spelt in EmailEngine's camelCase there."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)
