"""Bodies: what Terraform hands over as it stands (azapi) sets the same properties as Bicep, which arm.py checks."""

import re
from collections.abc import Iterator
from pathlib import Path

from tree_sitter import Node

from infra.checks.bicep_files import properties, read
from infra.checks.terraform_files import Block, arguments, blocks

# Arguments of azapi's own, or Bicep's; and settings, which Bicep gives in a resource of their own.
_BESIDE = re.compile(r"(name|location|tags|identity|parent|dependsOn|properties\.siteConfig\.appSettings)(\..*)?")


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
    bicep = set(_in_bicep(ours[kind], ""))
    terraform = {path.removeprefix("body.") for path, _ in arguments(block) if path.startswith("body.")}
    for path in sorted(path for path in bicep ^ terraform if not _BESIDE.fullmatch(path)):
        yield f"{kind}: {path!r} is set by {'Bicep' if path in bicep else 'Terraform'} alone"


def _in_bicep(node: Node, above: str) -> Iterator[str]:
    for name, value in properties(node).items():
        path = f"{above}{name}"
        if value.type == "object":
            yield from _in_bicep(value, f"{path}.")
        else:
            yield path
