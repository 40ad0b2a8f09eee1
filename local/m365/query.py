"""OData query options, read once and applied to messages."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from local.m365 import moments
from local.m365.errors import GraphError

CLAUSE = re.compile(r"\s*\(?\s*([A-Za-z/]+)\s+(eq|ne|gt|ge|lt|le)\s+('(?:[^']|'')*'|[^\s()]+)\s*\)?\s*(and\b|$)")
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda left, right: left == right,
    "ne": lambda left, right: left != right,
    "gt": lambda left, right: left > right,
    "ge": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "le": lambda left, right: left <= right,
}
EXPANSION = re.compile(r"(\w+)(?:\(\$select=([^)]*)\))?")
LARGEST_PAGE = 1000

Predicate = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Query:
    """The options of one request."""

    select: frozenset[str] = frozenset()
    #: What `$expand` asks of each attachment; None when it does not ask for attachments.
    attachments: frozenset[str] | None = None
    top: int | None = None
    skip: int = 0
    matches: Predicate | None = None
    order: str = "receivedDateTime"
    descending: bool = True
    count: bool = False
    options: dict[str, str] = field(default_factory=dict)


def read(options: dict[str, str]) -> Query:
    """Reads the options that mail knows, and refuses what it cannot do."""
    text = options.get("$filter", "").strip()
    order, _, direction = options.get("$orderby", "").strip().partition(" ")
    if text and order and text.lstrip("( ").split(" ", 1)[0] != order:
        # https://learn.microsoft.com/graph/api/user-list-messages#using-filter-and-orderby-in-the-same-query
        raise GraphError(400, "InefficientFilter", "The restriction or sort order is too complex for this operation.")
    return Query(
        select=_names(options.get("$select", "")),
        attachments=_expanded(options.get("$expand", "")),
        top=_number(options, "$top"),
        skip=_number(options, "$skip") or 0,
        matches=predicate(text) if text else None,
        order=order or "receivedDateTime",
        descending=direction.strip().lower() == "desc" if order else True,
        count=options.get("$count", "").lower() == "true",
        options=options,
    )


@lru_cache(maxsize=256)
def predicate(text: str) -> Predicate:
    """Compiles a filter of comparisons joined by `and`."""
    clauses = []
    position = 0
    while position < len(text):
        found = CLAUSE.match(text, position)
        if found is None:
            raise invalid(f"Invalid filter clause: {text!r}.")
        path, operator, literal, _ = found.groups()
        clauses.append((path.split("/"), COMPARE[operator], _literal(path, literal)))
        position = found.end()

    def matches(properties: Mapping[str, Any]) -> bool:
        return all(compare(_value(properties, path), wanted) for path, compare, wanted in clauses)

    return matches


def sort_key(name: str) -> Callable[[Mapping[str, Any]], str]:
    """What to sort by; a property that is missing sorts first."""
    path = name.split("/")
    return lambda properties: str(_value(properties, path))


def invalid(message: str) -> GraphError:
    """A query option that cannot be understood."""
    return GraphError(400, "ErrorInvalidUrlQuery", message)


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip().rsplit("/", 1)[-1] for name in text.split(",") if name.strip())


def _expanded(text: str) -> frozenset[str] | None:
    for found in EXPANSION.finditer(text):
        if found[1] == "attachments":
            return _names(found[2] or "")
    if text and not text.startswith(("singleValueExtendedProperties", "microsoft.graph.")):
        raise invalid(f"Cannot expand {text!r}.")
    return None


def _number(options: dict[str, str], name: str) -> int | None:
    if name not in options:
        return None
    try:
        number = int(options[name])
    except ValueError:
        number = -1
    if number < 0 or (name == "$top" and not 1 <= number <= LARGEST_PAGE):
        raise invalid(f"Invalid value for {name}: {options[name]!r}.")
    return number


def _literal(path: str, literal: str) -> Any:
    if literal.startswith("'"):
        return literal[1:-1].replace("''", "'")
    if literal in {"true", "false"}:
        return literal == "true"
    if path.endswith("DateTime"):
        return _moment(literal)
    return literal


def _moment(literal: str) -> str:
    # A bare date is an error here, as it has been for Outlook.
    if "T" not in literal:
        raise invalid(f"Invalid filter clause: {literal!r} is not a DateTimeOffset.")
    try:
        moment = moments.read(literal.replace(" ", "+"))
    except ValueError as exc:
        raise invalid(f"Invalid filter clause: {literal!r} is not a DateTimeOffset.") from exc
    # Without the Z, a text with a fraction sorts after the same text without.
    return moment.replace(tzinfo=None).isoformat()


def _value(properties: Mapping[str, Any], path: list[str]) -> Any:
    value: Any = properties
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    if isinstance(value, str) and path[-1].endswith("DateTime"):
        return value.removesuffix("Z")
    return "" if value is None else value
