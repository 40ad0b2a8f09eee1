"""
Promises: the values on which safety stands, and without which the parts do not find each other.

Other checks see that a property is there. A row of promises.json says what it must be wherever the template sets it:
`file: path = value`, the path through objects and blocks (in Bicep from `properties` on), the value as it is
written, or after `~` a pattern of it. A template that is meant to be otherwise takes its row along.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tree_sitter import Node

from infra.checks.bicep_files import loaded, properties, read, text
from infra.checks.terraform_files import arguments, blocks

_ROWS = Path(__file__).with_suffix(".json")


def problems(infra: Path) -> list[str]:
    """Returns each promise that a template does not keep."""
    sides: dict[str, _Bicep | _Terraform] = {"bicep": _Bicep(infra), "terraform": _Terraform(infra)}
    return [
        f"{row['promise']} {side}: {problem}"
        for row in loaded(_ROWS)
        for side, templates in sides.items()
        if side in row
        for problem in _broken(row[side], templates)
    ]


def _broken(row: str, templates: "_Bicep | _Terraform") -> Iterator[str]:
    place, _, rest = row.partition(": ")
    path, how, value = re.split(r" ([=~]) ", rest, maxsplit=1)
    pattern = re.compile(value if how == "~" else re.escape(value))
    found = [said for name, said in templates.values(place) if name == path]
    if not found:
        yield f"{place} does not set {path}"
    for said in found:
        if not pattern.fullmatch(said):
            yield f"{place} sets {path} to {said}, not to {value}"


class _Bicep:
    """The Bicep files, by their names: what their modules, variables, resources and outputs are made of."""

    def __init__(self, infra: Path) -> None:
        self._files = {path.stem: read(path) for path in [*infra.glob("*.bicep"), *infra.glob("modules/*.bicep")]}

    def values(self, place: str) -> Iterator[tuple[str, str]]:
        """Yields each path of a file with its value."""
        file = self._files[place]
        for each in file.of("module"):
            if each.body is not None:
                yield from _within(each.body, f"{each.name}.")
        for each in [*file.of("var"), *file.of("output")]:
            yield each.name, text(each.node).partition(" = ")[2]
            for inner in _objects(each.node):
                yield from _within(inner, f"{each.name}.")
        for each in file.of("resource"):
            if each.body is not None and not each.existing:
                yield from ((name.removeprefix("properties."), said) for name, said in _within(each.body, ""))


class _Terraform:
    """The Terraform files, by the types of their resources, the names of their providers, or `locals`."""

    def __init__(self, infra: Path) -> None:
        self._blocks = blocks(infra / "terraform")

    def values(self, place: str) -> Iterator[tuple[str, str]]:
        """Yields each path of a type's resources with its value."""
        for block in self._blocks:
            if place in (block.kind, *block.labels[:1]) and block.kind in {"locals", "provider", "resource"}:
                yield from arguments(block)


def _within(node: Node, above: str) -> Iterator[tuple[str, str]]:
    """Yields what an object sets, and what the objects set that its values are made of, whatever puts them there."""
    for name, value in properties(node).items():
        yield f"{above}{name}", re.sub(r"\s+", " ", text(value))
        for inner in _objects(value):
            yield from _within(inner, f"{above}{name}.")


def _objects(node: Node) -> Iterator[Node]:
    if node.type == "object":
        yield node
        return
    for child in node.children:
        yield from _objects(child)
