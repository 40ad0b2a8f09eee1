"""Routing as the host does it: in order of function name, first match wins, the method is a constraint."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from local.host.declared import Declared

_PARAMETER = re.compile(r"\{(\*{0,2})(\w+)((?::[^{}?=]+)*)(=[^{}]*)?(\?)?\}")
_GUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_INTEGER = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.IGNORECASE)

Check = Callable[[str], bool]


def _whole(value: str, low: int, high: int) -> bool:
    return _INTEGER.fullmatch(value) is not None and low <= int(value) <= high


# https://learn.microsoft.com/aspnet/core/fundamentals/routing#route-constraints
_CONSTRAINTS: Mapping[str, Callable[[list[int]], Check]] = {
    "guid": lambda _: lambda value: _GUID.fullmatch(value) is not None,
    "int": lambda _: lambda value: _whole(value, -(2**31), 2**31 - 1),
    "long": lambda _: lambda value: _whole(value, -(2**63), 2**63 - 1),
    "alpha": lambda _: lambda value: value.isascii() and value.isalpha(),
    "bool": lambda _: lambda value: value.lower() in ("true", "false"),
    "decimal": lambda _: lambda value: _NUMBER.fullmatch(value) is not None,
    "double": lambda _: lambda value: _NUMBER.fullmatch(value) is not None,
    "float": lambda _: lambda value: _NUMBER.fullmatch(value) is not None,
    "required": lambda _: bool,
    "minlength": lambda sizes: lambda value: len(value) >= sizes[0],
    "maxlength": lambda sizes: lambda value: len(value) <= sizes[0],
    "length": lambda sizes: lambda value: sizes[0] <= len(value) <= sizes[-1],
    "min": lambda sizes: lambda value: _whole(value, sizes[0], 2**63),
    "max": lambda sizes: lambda value: _whole(value, -(2**63), sizes[0]),
    "range": lambda sizes: lambda value: _whole(value, sizes[0], sizes[1]),
}


@dataclass(frozen=True)
class Route:
    """One function's route, ready to match."""

    function: Declared
    template: str
    methods: frozenset[str]  # empty means every method
    pattern: re.Pattern[str]
    checks: tuple[tuple[str, Check], ...] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)

    def match(self, path: str) -> dict[str, str] | None:
        """Returns the route parameters when the decoded path, without its outer slashes, fits."""
        found = self.pattern.fullmatch(path)
        if found is None:
            return None
        values = {name: value for name, value in found.groupdict().items() if value is not None}
        if any(name in values and not fits(values[name]) for name, fits in self.checks):
            return None
        return {**self.defaults, **values} if self.defaults else values


@dataclass(frozen=True)
class Found:
    """A function to call, and the values that its route took from the path."""

    function: Declared
    route_params: Mapping[str, str]


class Router:
    """
    Finds the function for a request.

    Nothing ranks a literal above a parameter: `v1/account/{account}` takes `v1/account/new` when its function's name
    sorts first. That is the host's way since 2018, so it is this one's.
    """

    def __init__(self, functions: Iterable[Declared], prefix: str) -> None:
        self.routes = tuple(compile_route(each, prefix) for each in sorted(functions, key=sort_key))
        self._by_method: dict[str, tuple[Route, ...]] = {}

    def find(self, method: str, raw_path: str) -> Found | None:
        """Returns the first route that fits path and method; a wrong method is the next route, and then none."""
        candidates = self._by_method.get(method)
        if candidates is None:
            candidates = tuple(route for route in self.routes if not route.methods or method in route.methods)
            self._by_method[method] = candidates
        path = decode(raw_path)
        for route in candidates:
            values = route.match(path)
            if values is not None:
                return Found(route.function, values)
        return None


def sort_key(function: Declared) -> str:
    """Orders functions as the host does: by name, without case, so that `_` comes after the letters."""
    return function.name.upper()


def decode(raw_path: str) -> str:
    """Decodes a path for matching; an encoded slash stays encoded, since it separates nothing."""
    path = raw_path.strip("/")
    return unquote(re.sub("%2[fF]", "%252F", path)) if "%" in path else path


def compile_route(function: Declared, prefix: str) -> Route:
    """Turns a route template into a pattern; a template that the host refuses is a ValueError."""
    template = str(function.trigger.properties.get("route", function.name)).strip("/")
    pattern, checks, defaults = "", [], {}
    for segment in filter(None, [*prefix.split("/"), *template.split("/")]):
        text, segment_checks, segment_defaults = _segment(segment, is_first=not pattern)
        pattern += text
        checks += segment_checks
        defaults.update(segment_defaults)
    return Route(
        function=function,
        template=template,
        methods=frozenset(str(method).upper() for method in function.trigger.properties.get("methods") or ()),
        pattern=re.compile(pattern, re.IGNORECASE | re.DOTALL),
        checks=tuple(checks),
        defaults=defaults,
    )


def _segment(segment: str, *, is_first: bool) -> tuple[str, list[tuple[str, Check]], dict[str, str]]:
    slash = "" if is_first else "/"
    text, end, checks, defaults = "", 0, [], {}
    is_optional = False
    for parameter in _PARAMETER.finditer(segment):
        stars, name, constraints, default, question = parameter.groups()
        text += _literal(segment[end : parameter.start()])
        text += f"(?P<{name}>.*)" if stars else f"(?P<{name}>[^/]+)"
        end = parameter.end()
        checks += [(name, _constraint(each)) for each in constraints.split(":")[1:]]
        if default:
            defaults[name] = default[1:]
        is_optional = is_optional or bool(stars or question or default)
    text += _literal(segment[end:])
    return (f"(?:{slash}{text})?" if is_optional else slash + text), checks, defaults


def _literal(text: str) -> str:
    if "{" in text or "}" in text:
        raise ValueError(f"{text!r} has a brace that belongs to no parameter")
    return re.escape(text)


def _constraint(text: str) -> Check:
    name, _, rest = text.partition("(")
    if name == "regex":
        pattern = re.compile(rest.removesuffix(")"))
        return lambda value: pattern.search(value) is not None
    if name not in _CONSTRAINTS:
        raise ValueError(f"{text!r} is no route constraint")
    return _CONSTRAINTS[name]([int(each) for each in rest.rstrip(")").split(",") if each])
