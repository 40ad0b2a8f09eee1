"""What a Bicep file declares, read by tree-sitter; Bicep itself cannot be had from a package registry."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

_PARSER = Parser(Language(tree_sitter_bicep.language()))
_KINDS = {
    "parameter_declaration": "param",
    "variable_declaration": "var",
    "resource_declaration": "resource",
    "module_declaration": "module",
    "output_declaration": "output",
}


@dataclass(frozen=True)
class Declaration:
    """One `param`, `var`, `resource`, `module` or `output`; `literal` is a resource's type or a module's path."""

    kind: str
    name: str
    node: Node
    literal: str = ""
    existing: bool = False
    within: "Declaration | None" = None

    @property
    def body(self) -> Node | None:
        """The object that follows, inside a condition or a loop too."""
        for wrapper in [self.node, *self.node.children]:
            if wrapper is self.node or wrapper.type in {"if_statement", "for_statement"}:
                found = [child for child in wrapper.children if child.type == "object"]
                if found:
                    return found[-1]
        return None

    @property
    def decorators(self) -> str:
        """What stands before it, like `@secure()`."""
        before = self.node.prev_sibling
        return text(before) if before is not None and before.type == "decorators" else ""

    @property
    def optional(self) -> bool:
        """Whether a parameter may be left out."""
        return any(child.type == "=" for child in self.node.children)

    @property
    def type(self) -> str:
        """A resource's full type, with that of the resource around it."""
        if self.within is None or "@" in self.literal:
            return self.literal
        outer, version = self.within.type.split("@")
        return f"{outer}/{self.literal}@{version}"


@dataclass(frozen=True)
class BicepFile:
    """A parsed file."""

    path: Path
    root: Node
    declarations: list[Declaration] = field(default_factory=list)

    def of(self, kind: str) -> list[Declaration]:
        """Returns the declarations of one kind."""
        return [each for each in self.declarations if each.kind == kind]

    @cached_property
    def text(self) -> str:
        """The file's text."""
        return text(self.root)


def read(path: Path) -> BicepFile:
    """Reads a file."""
    source = path.read_text()
    if path.suffix == ".bicepparam":
        # There `param` gives a value, which the grammar takes for a declaration without a type.
        source = re.sub(r"^param ", "var ", source, flags=re.MULTILINE)
    root = _PARSER.parse(source.encode()).root_node
    return BicepFile(path, root, list(_declared(root, None)))


def properties(node: Node) -> dict[str, Node]:
    """Returns an object's properties by their names; a name that is computed stands as it is written."""
    found = {}
    for child in node.children:
        if child.type == "object_property" and child.named_children and len(child.named_children) > 1:
            found[text(child.named_children[0]).strip("'")] = child.named_children[-1]
    return found


def text(node: Node) -> str:
    """Returns the source of a node."""
    return (node.text or b"").decode()


def walk(node: Node) -> Iterator[Node]:
    """Yields the node and everything in it."""
    yield node
    for child in node.children:
        yield from walk(child)


def loaded(path: Path) -> Any:
    """Returns the JSON that `loadJsonContent` would load."""
    return json.loads(path.read_text())


def _declared(node: Node, within: Declaration | None) -> Iterator[Declaration]:
    for child in node.children:
        kind = _KINDS.get(child.type)
        if kind is None:
            yield from _declared(child, within)
            continue
        names = [part for part in child.children if part.type == "identifier"]
        strings = [part for part in child.children if part.type == "string"]
        made = Declaration(
            kind=kind,
            name=text(names[0]),
            node=child,
            literal=text(strings[0]).strip("'") if strings and kind in {"resource", "module"} else "",
            existing=any(part.type == "existing" for part in child.children),
            within=within,
        )
        yield made
        if kind == "resource":
            yield from _declared(child, made)
