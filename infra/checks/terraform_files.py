"""What the Terraform files declare, read by their layout: `terraform fmt` has settled it, so lines are enough."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r'^(\w+)((?: "[^"]+")*) \{\n(.*?)^\}', re.DOTALL | re.MULTILINE)
_OPENS = re.compile(r'^( +)(?:dynamic ")?(\w+)"?(?: +=.*)? \{$')
_SETS = re.compile(r"^( +)([\w-]+) += (.*)$")


@dataclass(frozen=True)
class Block:
    """A block at the top of a file, with what stands directly in it."""

    kind: str
    labels: tuple[str, ...]
    body: str

    def argument(self, name: str) -> str | None:
        """Returns an argument as it is written, without quotation marks; None where it is not given."""
        found = re.search(rf"^  {name} += (.*)$", self.body, re.MULTILINE)
        return found[1].strip('"') if found else None


def blocks(folder: Path) -> list[Block]:
    """Returns every block of the folder's files."""
    return [
        Block(kind, tuple(re.findall(r'"([^"]+)"', labels)), body)
        for path in sorted(folder.glob("*.tf"))
        for kind, labels, body in _BLOCK.findall(path.read_text())
    ]


def arguments(block: Block) -> Iterator[tuple[str, str]]:
    """Yields the path of every argument, through blocks and objects, with its value as it is written, in one line."""
    above: list[str] = []
    lines = iter(block.body.splitlines())
    for line in lines:
        if opened := _OPENS.match(line):
            del above[len(opened[1]) // 2 - 1 :]
            above.append(opened[2])
        elif found := _SETS.match(line):
            indent, name, value = found.groups()
            del above[len(indent) // 2 - 1 :]
            while value.endswith("["):
                value += "".join(f" {each.strip()}" for each in iter(lambda: next(lines), f"{indent}]")) + " ]"
            yield ".".join([*(each for each in above if each != "content"), name]), value
