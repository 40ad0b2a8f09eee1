"""What is wrong with a request, field by field, in the client's own names."""

import re
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from shared.domain.errors import FieldProblem, InvalidRequest

Model = TypeVar("Model", bound=BaseModel)

_FIELD = re.compile(r"^[A-Za-z_]\w*$")
# A name that nobody knows is told as it came, but not for ever.
_LONGEST_NAME = 100
# Rules about several fields at once have no place in the body; each is told at the field that mends it.
_AT = {
    "credential": "clientSecret",
    "client_secret_expires": "clientSecretExpires",
    "auth": "oauth2.auth.user",
    "tenant": "tenant",
    "redirect": "redirectUrl",
}
_TYPES = frozenset({"str", "int", "bool", "tuple", "dict", "list", "datetime", "nullable"})
# pydantic's own words for these name a class of ours.
_OBJECTS = frozenset({"model_type", "model_attributes_type", "dict_type"})
_OWN_WORDS = frozenset({"authority", "authorize", *_AT})


def validated(model: type[Model], given: dict[str, Any]) -> Model:
    """Returns *given* as *model*; raises InvalidRequest naming every field that is wrong."""
    try:
        return model.model_validate(given, by_alias=True, by_name=False)
    except ValidationError as refused:
        problems: dict[str, FieldProblem] = {}
        for error in refused.errors(include_url=False, include_input=False, include_context=False):
            problem = _problem(error["type"], error["loc"], error["msg"])
            problems.setdefault(problem.key, problem)
        # `from None`: pydantic's own text shows the input, which may hold a secret.
        raise InvalidRequest(*problems.values()) from None


def given_twice(name: str) -> InvalidRequest:
    """Returns what a request is refused with that gives *name* more than one value."""
    key = _told(name)
    return InvalidRequest(FieldProblem(key, f'"{key}" must be given once'))


def _problem(kind: str, location: tuple[int | str, ...], message: str) -> FieldProblem:
    key = _AT.get(kind) or ".".join(_names(kind, location))
    told = message.removeprefix("Value error, ").replace("tuple", "array")
    if kind == "missing":
        told = "is required"
    elif kind == "extra_forbidden":
        told = "is not allowed"
    elif kind in _OBJECTS:
        told = "must be an object"
    elif kind == "string_unicode":
        # JSON may hold halves of characters. In a name, nothing says where.
        told = "must be valid Unicode text"
        if not key:
            return FieldProblem(key, f"every name {told}")
    if kind in _OWN_WORDS and not told.startswith("must"):
        return FieldProblem(key, told)
    return FieldProblem(key, f'"{key}" {told[:1].lower()}{told[1:]}')


def _names(kind: str, location: tuple[int | str, ...]) -> list[str]:
    # The branches of a union appear in a location too, as the names of types; a client knows only its fields. But what
    # is not allowed is named as the client spelt it, whatever that looks like.
    unknown = location[-1:] if kind == "extra_forbidden" else ()
    known = location[: len(location) - len(unknown)]
    names = [str(part) for part in known if isinstance(part, int) or (_FIELD.match(part) and part not in _TYPES)]
    return [*names, *(_told(str(part)) for part in unknown)]


def _told(name: str) -> str:
    # Halves of characters, which JSON may hold, are nothing that UTF-8 could carry back.
    return name[:_LONGEST_NAME].encode(errors="backslashreplace").decode()
