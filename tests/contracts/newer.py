"""Records as a newer version leaves them: each part of them has a name that this one does not know."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel

import shared.domain
from shared.domain.models import Carried

Value = TypeVar("Value")

NEWER = "newer_name"


def newer(value: Value) -> Value:
    """Return *value* with a further name in it, and in every model inside it."""
    made: Any = value
    if isinstance(value, BaseModel):
        made = value.model_copy(update={**{name: newer(each) for name, each in value}, NEWER: 7})
    elif isinstance(value, tuple):
        made = tuple(newer(each) for each in value)
    elif isinstance(value, dict):
        made = {name: newer(each) for name, each in value.items()}
    return made  # type: ignore[no-any-return]  each branch keeps the type


def places(value: Any, path: str = "") -> Iterator[str]:
    """Yield where the further name stands in a record."""
    if isinstance(value, BaseModel):
        value = dict(value)
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, tuple) else ()
    for name, each in pairs:
        if name == NEWER:
            yield path
        yield from places(each, f"{path}.{name}")


def parts(value: Any) -> Iterator[type[BaseModel]]:
    """Yield the model of a record, and those of what is inside it."""
    if isinstance(value, BaseModel):
        yield type(value)
        value = tuple(each for _, each in value)
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else ():
        yield from parts(each)


def carried() -> set[type[Carried]]:
    """Return every model whose unknown names are kept."""
    for module in Path(shared.domain.__path__[0]).glob("[a-z]*.py"):
        import_module(f"shared.domain.{module.stem}")
    return {
        model
        for model in _descendants(Carried)
        if model.__module__.startswith("shared.") and not model.__subclasses__()
    }


def inside(model: type[BaseModel]) -> set[type[BaseModel]]:
    """Return *model*, and those that its fields may hold."""
    found = {model}
    for field in model.model_fields.values():
        for part in _models(field.annotation):
            found |= inside(part)
    return found


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _descendants(model: type[Carried]) -> Iterator[type[Carried]]:
    for each in model.__subclasses__():
        yield each
        yield from _descendants(each)
