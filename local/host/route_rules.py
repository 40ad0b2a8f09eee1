"""What the host demands of routes, and the trap that it leaves open."""

import itertools
import re
from collections.abc import Iterator, Sequence

from local.host import routes
from local.host.declared import Declared

_RESERVED = ("admin", "runtime")
_EXAMPLES = {"guid": "7f0c6b0e-6a3c-4b58-9c3e-2b1f1c7c1a11", "alpha": "abc", "bool": "true", "datetime": "2024-01-01"}


def problems(functions: Sequence[Declared]) -> Iterator[str]:
    """Yields a sentence for each route that the host rejects."""
    taken: list[routes.Route] = []
    for function in sorted(functions, key=routes.sort_key):
        try:
            route = routes.compile_route(function, "")
        except (ValueError, re.error, IndexError) as error:
            yield f"Function {function.name} has a route that cannot be read: {error}."
            continue
        if route.template.lower().startswith(_RESERVED):
            yield (
                f"Function {function.name} has the route {route.template!r}: the host keeps every route that starts "
                "with admin or runtime for itself, so choose another first word."
            )
        for other in taken:
            if other.template.lower() == route.template.lower() and _share_a_method(other, route):
                yield (
                    f"Functions {other.function.name} and {function.name} share the route {route.template!r} and a "
                    "method: give each its own methods."
                )
        taken.append(route)


def shadowed(functions: Sequence[Declared]) -> list[str]:
    """
    Lists the functions that never run because one whose name sorts earlier takes their requests.

    It is judged by one example path per route, which is enough for literals against parameters.
    """
    ordered = [routes.compile_route(function, "") for function in sorted(functions, key=routes.sort_key)]
    return [
        f"Function {late.function.name} ({late.template!r}) is hidden by {early.function.name} ({early.template!r}), "
        "whose name sorts earlier: rename one, or constrain the earlier parameter."
        for early, late in itertools.combinations(ordered, 2)
        if _share_a_method(early, late) and early.match(_example(late.template)) is not None
    ]


def _share_a_method(one: routes.Route, other: routes.Route) -> bool:
    return not one.methods or not other.methods or bool(one.methods & other.methods)


def _example(template: str) -> str:
    def value(match: re.Match[str]) -> str:
        constraint = match.group(1) or ""
        return _EXAMPLES.get(constraint, "1" if constraint else "zz")

    return re.sub(r"\{\**\w+(?::(\w+))?[^{}]*\}", value, template)
