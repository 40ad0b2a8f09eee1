"""What the Python worker demands of a function's signature: one bad signature and it indexes no function at all."""

import inspect
import typing
from collections.abc import Iterator
from types import UnionType

import azure.functions as func

from local.host.declared import Binding, Declared

_INPUT_TYPES: dict[str, type] = {
    "httpTrigger": func.HttpRequest,
    "queueTrigger": func.QueueMessage,
    "timerTrigger": func.TimerRequest,
}
_HTTP_ANSWERS = (func.HttpResponse, str)
_CATCH_ALL = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def problems(function: Declared) -> Iterator[str]:
    """Yields a sentence for each thing that the worker refuses."""
    parameters = inspect.signature(function.call).parameters
    if any(parameter.kind in _CATCH_ALL for parameter in parameters.values()):
        yield (
            f"Function {function.name} takes *args or **kwargs, so the worker finds no binding in its signature: "
            "put functools.wraps into the decorator above it."
        )
        return
    try:
        hints = typing.get_type_hints(function.call)
    except NameError as error:
        yield f"Function {function.name} has an annotation that cannot be resolved: {error}."
        return
    yield from _names(function, set(parameters))
    for binding in function.bindings:
        if binding.name in hints:
            yield from _annotation(function, binding, hints[binding.name])
    yield from _context(function, hints)
    yield from _answer(function, hints)


def _names(function: Declared, parameters: set[str]) -> Iterator[str]:
    bound = {binding.name for binding in function.bindings} - {"$return"}
    route = str(function.trigger.properties.get("route", ""))
    for name in sorted(parameters - bound - {"context"}):
        is_route = f"{{{name}}}" in route or f"{{{name}:" in route
        mend = f'read req.route_params["{name}"] instead' if is_route else "bind it or remove it"
        yield f"Function {function.name} has the parameter {name}, which no binding fills: {mend}."
    for name in sorted(bound - parameters):
        yield f"Function {function.name} binds {name}, but its signature has no such parameter: name it there."


def _annotation(function: Declared, binding: Binding, annotation: object) -> Iterator[str]:
    where = f"Function {function.name}, parameter {binding.name}"
    is_out = getattr(typing.get_origin(annotation) or annotation, "__name__", "") == "Out"
    if is_out != binding.is_output:
        yield f"{where}: {'func.Out[...]' if binding.is_output else 'an input, not func.Out'} is what its binding asks."
    expected = _INPUT_TYPES.get(binding.type)
    if binding.is_output or expected is None or is_out or annotation in (str, bytes):
        return
    if not isinstance(annotation, type) or not issubclass(annotation, expected):
        yield f"{where} is annotated {_shown(annotation)}: write func.{expected.__name__}."


def _context(function: Declared, hints: dict[str, object]) -> Iterator[str]:
    annotation = hints.get("context")
    if annotation is not None and getattr(annotation, "__name__", "") != "Context":
        yield f"Function {function.name} annotates context as {_shown(annotation)}: write func.Context."


def _answer(function: Declared, hints: dict[str, object]) -> Iterator[str]:
    if function.trigger.type != "httpTrigger" or "return" not in hints:
        return
    annotation = hints["return"]
    if not isinstance(annotation, type) or not issubclass(annotation, _HTTP_ANSWERS):
        yield (
            f"Function {function.name} is annotated to return {_shown(annotation)}: "
            "the worker takes func.HttpResponse or str, and no Union of them."
        )


def _shown(annotation: object) -> str:
    if isinstance(annotation, type) and not isinstance(annotation, UnionType):
        return annotation.__name__
    return str(annotation)
