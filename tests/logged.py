"""What the code writes to the log, read from the code."""

import ast
from collections import defaultdict
from pathlib import Path

_FOLDERS = ("functions", "shared", "sidecar")


def logged(root: Path) -> dict[str, set[str]]:
    """Return the fields of every log event that the code names."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for folder in _FOLDERS:
        for path in (root / folder).rglob("*.py"):
            for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match call:
                    case ast.Call(func=ast.Attribute(attr="event" | "problem"), args=[ast.Constant(value=str(name))]):
                        found[name] |= {each.arg for each in call.keywords if each.arg}
    return dict(found)
