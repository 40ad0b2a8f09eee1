"""What the Terraform files declare, read by their layout: `terraform fmt` has settled it, so lines are enough."""

import re
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r'^(\w+)((?: "[^"]+")*) \{\n(.*?)^\}', re.DOTALL | re.MULTILINE)


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
