"""A function as its decorators declare it."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from azure.functions.decorators.core import BindingDirection
from azure.functions.decorators.function_app import Function


@dataclass(frozen=True)
class Binding:
    """One binding: what function.json would hold."""

    name: str
    type: str
    is_output: bool
    properties: Mapping[str, Any]


@dataclass(frozen=True)
class Declared:
    """One function: its name, the Python callable, and its bindings."""

    name: str
    call: Callable[..., Any]
    trigger: Binding
    bindings: tuple[Binding, ...]
    outputs: tuple[Binding, ...]  # `$return` included
    is_async: bool  # awaited on the event loop instead of called in a thread
    takes_context: bool
    retry: Mapping[str, Any] | None


def declare(function: Function) -> Declared:
    """Reads a function of the library into plain values."""
    trigger = function.get_trigger()
    if trigger is None:  # get_functions() has refused such a function already
        raise ValueError(f"Function {function.get_function_name()} has no trigger")
    call = function.get_user_function()
    bindings = tuple(_binding(binding) for binding in function.get_bindings())
    return Declared(
        name=str(function.get_function_name()),
        call=call,
        trigger=_binding(trigger),
        bindings=bindings,
        outputs=tuple(binding for binding in bindings if binding.is_output),
        is_async=inspect.iscoroutinefunction(call),
        takes_context="context" in inspect.signature(call).parameters,
        retry=function.get_settings_dict("retry_policy"),
    )


def _binding(binding: Any) -> Binding:
    return Binding(
        name=binding.name,
        type=binding.type,
        is_output=binding.direction == BindingDirection.OUT.value,
        properties=binding.get_dict_repr(),
    )
