"""The properties that Azure Resource Manager knows: required, read-only, and the values of its enumerations."""

import json
import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tree_sitter import Node

from infra.checks.bicep_files import properties, text

_FOLDER = Path(__file__).parent / "schemas"
# Bicep's own, beside those of the resource.
_OURS = {"parent", "scope", "dependsOn"}
_PLAIN = {"string", "int", "bool", "any", "object", "array"}
# What Azure refuses to do without, though its own types do not know it (Azure/bicep-types-az#1527).
_UNTOLD = {"Microsoft.Web/sites/basicPublishingCredentialsPolicies": {"location"}}


@dataclass(frozen=True)
class Schemas:
    """The types by `TYPE@VERSION`; arm.json comes from Bicep's own, others_arm.json has what those lack."""

    types: dict[str, Any]

    @classmethod
    def load(cls) -> "Schemas":
        """Reads both files."""
        found: dict[str, Any] = {}
        for name in ("arm.json", "others_arm.json"):
            found |= json.loads((_FOLDER / name).read_text())
        return cls(found)


def problems(known: Schemas, resource: str, body: Node) -> Iterator[str]:
    """Yields what is wrong with the properties of one resource."""
    schema = known.types.get(resource)
    if schema is None:
        yield f"{resource}: no schema of this type and version is kept; schemas/arm.py makes one"
        return
    untold = _UNTOLD.get(resource.split("@", maxsplit=1)[0], set())
    for name in sorted(untold - set(properties(body))):
        yield f"{resource}: {name!r} is missing"
    yield from _object(schema, schema["body"], body, resource, known=_OURS | untold)


def _object(
    schema: dict[str, Any], shape: dict[str, Any], node: Node, where: str, *, known: AbstractSet[str] = _OURS
) -> Iterator[str]:
    given = properties(node)
    if "by" in shape:
        said = text(given[shape["by"]]).strip("'") if shape["by"] in given else ""
        if said not in shape["one"]:
            yield f"{where}: {shape['by']!r} must be one of {', '.join(shape['one'])}, not {said!r}"
            return
        shape = shape["one"][said]
    for name, (kind, flag) in shape["has"].items():
        if flag == "required" and name not in given:
            yield f"{where}: {name!r} is missing"
        if flag == "read-only" and name in given:
            yield f"{where}: {name!r} is read-only"
        if name in given:
            yield from _value(schema, kind, given[name], f"{where}.{name}")
    for name in given:
        if name not in shape["has"] and name not in known and "rest" not in shape:
            yield f"{where}: there is no {name!r}"


def _value(schema: dict[str, Any], kind: str, node: Node, where: str) -> Iterator[str]:
    if kind.endswith("[]") and "|" not in kind:
        for element in _elements(node):
            yield from _value(schema, kind[:-2], element, where)
    elif node.type == "object" and kind in schema["types"]:
        yield from _object(schema, schema["types"][kind], node, where)
    elif node.type == "ternary_expression":
        for branch in node.named_children[1:]:
            yield from _value(schema, kind, branch, where)
    elif node.type == "string" and kind not in _PLAIN and kind not in schema["types"]:
        yield from _choice(kind, node, where)
    elif node.type == "object" and kind in {"string", "int", "bool"}:
        yield f"{where}: an object stands where {kind} belongs"


def _choice(kind: str, node: Node, where: str) -> Iterator[str]:
    choices = re.split(r" \| ", kind)
    said = text(node).strip("'")
    # An open enumeration (`| string`) is Azure's way to take what it will only learn later.
    # Still, what it does not name is far more often a slip than news.
    if "${" not in said and said not in [choice for choice in choices if choice != "string"]:
        yield f"{where}: {said!r} is none of {', '.join(choices)}"


def _elements(node: Node) -> list[Node]:
    """Returns what an expression puts into a list, as far as it stands there: concat, filter and map bring theirs."""
    if node.type == "array":
        return list(node.named_children)
    if node.type in {"for_statement", "lambda_expression"}:
        return [node.named_children[-1]]
    if node.type == "ternary_expression":
        return [element for branch in node.named_children[1:] for element in _elements(branch)]
    if node.type == "call_expression":
        return [element for argument in node.named_children[-1].named_children for element in _elements(argument)]
    return []
