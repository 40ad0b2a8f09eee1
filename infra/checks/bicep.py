"""
Bicep: syntax, names, modules and the properties of every resource, as far as they can be told without the compiler.

It is no type checker of expressions: a string where a number belongs is not seen.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tree_sitter import Node

from infra.checks import arm
from infra.checks.bicep_files import BicepFile, properties, read, text, walk

# What Bicep brings along, of all that, what we use: a new one is added here.
# https://learn.microsoft.com/azure/azure-resource-manager/bicep/bicep-functions
_BUILT_IN = {
    *("allowed", "any", "array", "base64", "batchSize", "bool", "concat", "contains", "description", "empty"),
    *("environment", "filter", "int"),
    *("guid", "json", "loadJsonContent", "map", "maxLength", "maxValue", "minLength", "minValue", "string", "split"),
    *("readEnvironmentVariable", "replace", "resourceGroup", "secure", "subscription", "subscriptionResourceId"),
    *("fail", "items", "join", "max", "objectKeys", "startsWith", "take", "tenant", "toLower", "union", "uniqueString"),
}
_OUTPUT = re.compile(r"\b(\w+)!?\.outputs\.(\w+)")
_BINDERS = {"loop_variable", "loop_enumerator"}


def problems(infra: Path) -> list[str]:
    """Returns what is wrong with the Bicep files below *infra*."""
    files = {path: read(path) for path in sorted(infra.rglob("*.bicep*")) if path.suffix in {".bicep", ".bicepparam"}}
    known = arm.Schemas.load()
    found = []
    for path, file in files.items():
        checks = [_syntax(file), _names(file), _modules(file, files), _parameters(file, files)]
        told = [problem for check in checks for problem in check]
        for resource in file.of("resource"):
            if not resource.existing and resource.body is not None:
                told += arm.problems(known, resource.type, resource.body)
        found += [f"{path.relative_to(infra)}: {problem}" for problem in told]
    return found


def _syntax(file: BicepFile) -> Iterator[str]:
    for node in walk(file.root):
        if node.type == "ERROR" or node.is_missing:
            yield f"line {node.start_point.row + 1}: the syntax is wrong near {text(node)[:40]!r}"


def _names(file: BicepFile) -> Iterator[str]:
    bound, uses = _identifiers(file)
    for node in uses:
        if text(node) not in bound | _BUILT_IN:
            yield f"line {node.start_point.row + 1}: {text(node)!r} is not declared"
    used = {text(node) for node in uses}
    if file.path.suffix == ".bicep":
        for each in file.of("param") + file.of("var"):
            if each.name not in used:
                yield f"{each.kind} {each.name!r} is not used"


def _identifiers(file: BicepFile) -> tuple[set[str], list[Node]]:
    """Returns the names that the file binds somewhere, and where it uses one."""
    bound = {each.name for each in file.declarations if each.kind != "output"}
    uses: list[Node] = []
    for node in walk(file.root):
        if node.type in _BINDERS:
            bound.add(text(node))
        if node.type != "identifier" or node.parent is None:
            continue
        if _binds(node, node.parent):
            bound.add(text(node))
        elif not _labels(node, node.parent):
            uses.append(node)
    return bound, uses


def _binds(node: Node, parent: Node) -> bool:
    """Whether the identifier names what a lambda or a loop hands over."""
    first = parent.named_children[0]
    return parent.type in {"lambda_expression", "for_statement"} and first == node


def _labels(node: Node, parent: Node) -> bool:
    """Whether the identifier is a property's or a declaration's name and not an expression."""
    if parent.type == "object_property":
        return parent.named_children[0] == node
    named = {"parameter_declaration", "variable_declaration", "resource_declaration", "module_declaration"}
    if parent.type in named | {"output_declaration"}:
        return next(child for child in parent.children if child.type == "identifier") == node
    return parent.type in {"primitive_type", "type"}


def _modules(file: BicepFile, files: dict[Path, BicepFile]) -> Iterator[str]:
    outputs: dict[str, set[str]] = {}
    for module in file.of("module"):
        target = files.get(file.path.parent / module.literal)
        if target is None:
            yield f"module {module.name!r}: there is no {module.literal}"
            continue
        outputs[module.name] = {each.name for each in target.of("output")}
        given = properties(module.body) if module.body is not None else {}
        yield from _given(f"module {module.name!r}", set(properties(given["params"])), target)
    for name, output in _OUTPUT.findall(file.text):
        if name in outputs and output not in outputs[name]:
            yield f"module {name!r} has no output {output!r}"


def _parameters(file: BicepFile, files: dict[Path, BicepFile]) -> Iterator[str]:
    if file.path.suffix != ".bicepparam":
        return
    using = re.search(r"^using '([^']+)'", file.text, re.MULTILINE)
    target = files.get(file.path.parent / using[1]) if using else None
    if target is None:
        yield "it says not which file it is for (using)"
        return
    yield from _given("the file", {each.name for each in file.of("var")}, target)


def _given(who: str, given: set[str], target: BicepFile) -> Iterator[str]:
    declared = {each.name: each for each in target.of("param")}
    for name in sorted(given - set(declared)):
        yield f"{who} gives {name!r}, which {target.path.name} does not take"
    for name, each in sorted(declared.items()):
        if name not in given and not each.optional:
            yield f"{who} does not give {name!r}, which {target.path.name} needs"
