"""
Makes azurerm.json: what hashicorp/azurerm allows, for the resources of our templates.

    npm pack cdktn's prebuilt provider, unpack it, then: python -m infra.checks.schemas.azurerm package/ > azurerm.json

The prebuilt bindings were generated from the provider's own schema (MPL-2.0), so they say every name and type again.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

_FIELD = re.compile(r"#(\w+) \w+#\w+\}(?:(?!\*/).)*\*/\s+readonly (\w+)(\??): ([^;]+?);", re.DOTALL)
_INTERFACE = re.compile(r"export interface (\w+)(?: extends [^{]+)? \{\n(.*?)\n\}", re.DOTALL)
_COMPUTED = re.compile(r"this\.get(\w+)Attribute\('(\w+)'\)")
_KINDS: dict[str, Any] = {
    "String": "string",
    "Number": "number",
    "Boolean": "bool",
    "List": ["list", "string"],
    "NumberList": ["list", "number"],
    "StringMap": ["map", "string"],
}
_TYPES: dict[str, Any] = {"string": "string", "number": "number", "boolean": "bool"}


def excerpt(package: Path, names: set[str]) -> dict[str, Any]:
    """Returns the schemas of the resources and data sources in *names* (`data.` before the latter)."""
    found: dict[str, Any] = {"version": _version(package), "resources": {}, "data": {}}
    for name in sorted(names):
        kind, bare = ("data", name.removeprefix("data.")) if name.startswith("data.") else ("resources", name)
        words = bare.split("_")[1:] if kind == "resources" else ["data", *bare.split("_")]
        found[kind][bare] = _block(package / "lib" / "-".join(words), "".join(word.capitalize() for word in words))
    return found


def _version(package: Path) -> str:
    said = re.search(r"providerVersion: '([\d.]+)'", (package / "lib" / "provider" / "index.js").read_text())
    return said[1] if said else ""


def _block(folder: Path, name: str) -> dict[str, Any]:
    typed, run = (folder / "index.d.ts").read_text(), (folder / "index.js").read_text()
    struct_file = folder / "index-structs"
    if struct_file.is_dir():
        typed += "".join(path.read_text() for path in sorted(struct_file.glob("*.d.ts")))
        run += "".join(path.read_text() for path in sorted(struct_file.glob("*.js")))
    interfaces = dict(_INTERFACE.findall(typed))
    return _one(interfaces, run, f"{name}Config", name)


def _one(interfaces: dict[str, str], run: str, interface: str, owner: str) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    blocks: dict[str, Any] = {}
    for snake, _, optional, written in _FIELD.findall(interfaces.get(interface, "")):
        kind = written.replace(" | cdktn.IResolvable", "").strip()
        struct = kind.removesuffix("[]")
        if struct in interfaces:
            least = 0 if optional else 1
            single = not kind.endswith("[]")
            blocks[snake] = {
                "min": least,
                "max": 1 if single else 0,
                "block": _one(interfaces, run, struct, f"{struct}OutputReference"),
            }
            continue
        how = {"optional": True} if optional else {"required": True}
        if snake == "id":
            how = {"optional": True, "computed": True}
        if snake.endswith("_wo"):
            how["write_only"] = True
        attributes[snake] = {"type": _attribute(kind, snake, run), **how}
    body = re.search(rf"^class {owner} extends .*?^}}", run, re.DOTALL | re.MULTILINE)
    for kind, snake in _COMPUTED.findall(body[0] if body else ""):
        if snake not in attributes and snake not in blocks:
            attributes[snake] = {"type": _KINDS.get(kind, "string"), "computed": True}
    return {"attributes": attributes, "blocks": blocks}


def _attribute(kind: str, snake: str, run: str) -> Any:
    if kind.startswith("{"):
        return ["map", "bool" if "boolean" in kind else "number" if "number" in kind else "string"]
    if kind.endswith("[]"):
        said = re.search(rf"\b{snake}: \{{\s+value: [^\n]+\n\s+isBlock: \w+,\s+type: \"(\w+)\"", run)
        return [said[1] if said and said[1] in {"list", "set"} else "list", _TYPES.get(kind[:-2], "string")]
    return _TYPES.get(kind, "string")


def used(folder: Path) -> set[str]:
    """Returns the resources and data sources that the Terraform files of *folder* name."""
    found: set[str] = set()
    for path in folder.glob("*.tf"):
        text = path.read_text()
        found |= set(re.findall(r'^resource "(azurerm_\w+)"', text, re.MULTILINE))
        found |= {f"data.{name}" for name in re.findall(r'^data "(azurerm_\w+)"', text, re.MULTILINE)}
    return found


if __name__ == "__main__":
    templates = Path(__file__).parents[2] / "terraform"
    print(json.dumps(excerpt(Path(sys.argv[1]), used(templates)), separators=(",", ":"), sort_keys=True))
