"""Bodies: what Terraform hands over as it stands (azapi) sets the same properties as Bicep, which arm.py checks."""

import re
from collections.abc import Iterator
from pathlib import Path

from tree_sitter import Node

from infra.checks.bicep_files import properties, read
from infra.checks.terraform_files import Block, blocks

# Arguments of azapi's own, or Bicep's; and settings, which Bicep gives in a resource of their own.
_BESIDE = re.compile(r"(name|location|tags|identity|parent|dependsOn|properties\.siteConfig\.appSettings)(\..*)?")
_KEY = re.compile(r"^( +)(\w+) += (.*)$")


def problems(infra: Path) -> list[str]:
    """Returns where a body of azapi differs from the Bicep resource of its type."""
    ours = {
        each.type: each.body
        for path in sorted((infra / "modules").glob("*.bicep"))
        for each in read(path).of("resource")
        if each.body is not None and not each.existing
    }
    return [
        problem
        for block in blocks(infra / "terraform")
        if block.kind == "resource" and block.labels[0].startswith("azapi_")
        for problem in _differences(block, ours)
    ]


def _differences(block: Block, ours: dict[str, Node]) -> Iterator[str]:
    kind = block.argument("type") or ""
    if kind not in ours:
        yield f"Bicep has no {kind}"
        return
    bicep, terraform = set(_in_bicep(ours[kind], "")), set(_in_terraform(block))
    for path in sorted(path for path in bicep ^ terraform if not _BESIDE.fullmatch(path)):
        yield f"{kind}: {path!r} is set by {'Bicep' if path in bicep else 'Terraform'} alone"


def _in_bicep(node: Node, above: str) -> Iterator[str]:
    for name, value in properties(node).items():
        path = f"{above}{name}"
        if value.type == "object":
            yield from _in_bicep(value, f"{path}.")
        else:
            yield path


def _in_terraform(block: Block) -> Iterator[str]:
    """Yields the paths below `body`, whose layout `terraform fmt` has settled."""
    body = re.search(r"^  body = \{\n(.*?)^  \}", block.body, re.DOTALL | re.MULTILINE)
    above: list[str] = []
    for line in body[1].splitlines() if body else []:
        found = _KEY.match(line)
        if found is None:
            continue
        indent, name, value = found.groups()
        del above[len(indent) // 2 - 2 :]
        if value == "{":
            above.append(name)
        else:
            yield ".".join([*above, name])
