"""The base of every model that is ours: frozen, and strict about names."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Owned(BaseModel):
    """A value of ours: immutable, and a name it does not know is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Carried(Owned):
    """
    A value of ours inside a queue message, which may be a newer version's: a name it does not know travels along.

    While a deployment replaces one instance after the other, both versions take from the same queues, and whoever puts
    a message back must not lose what only the other understands. So a field that is added needs a default.
    """

    model_config = ConfigDict(frozen=True, extra="allow")


class ApiModel(Owned):
    """A value that crosses the API: the same, spelt in EmailEngine's camelCase there."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)
