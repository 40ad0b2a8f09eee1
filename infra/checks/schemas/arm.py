"""
Makes arm.json: what Azure Resource Manager allows, for the resources of our templates.

    AZMCP=path/to/azmcp python -m infra.checks.schemas.arm > infra/checks/schemas/arm.json

azmcp (PyPI: msmcp-azure, MIT) carries Bicep's own types and needs no network for them. A type is opened only where our
templates set a property of that name, so the file stays small and still knows every name beside the used ones.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from infra.checks.bicep_files import properties, read, walk

_TEMPLATES = Path(__file__).parents[2]


def excerpt(answer: list[dict[str, Any]], resource: str, used: set[str]) -> dict[str, Any] | None:
    """Returns the schema of *resource* from azmcp's answer, opened along the property names in *used*."""
    named = {each["name"]: each for each in answer if each["$type"] in {"Object", "DiscriminatedObject"}}
    bodies = [each["bodyType"] for each in answer if each["$type"] == "Resource" and each["name"] == resource]
    if not bodies:
        return None
    types: dict[str, Any] = {}
    return {"body": _shape(bodies[0], named, used, types), "types": types}


def _shape(kind: dict[str, Any], named: dict[str, Any], used: set[str], types: dict[str, Any]) -> dict[str, Any]:
    if kind["$type"] == "DiscriminatedObject":
        by = kind["discriminator"]
        one = {}
        for element in kind["elements"]:
            value = next(each["type"] for each in element["properties"] if each["name"] == by)
            if value in {"appsettings", "ftp", "scm"}:
                one[value] = _shape(element, named, used, types)
        return {"by": by, "one": one}
    shape: dict[str, Any] = {"has": {each["name"]: _property(each, named, used, types) for each in kind["properties"]}}
    if kind.get("additionalPropertiesType"):
        shape["rest"] = True
    return shape


def _property(told: dict[str, Any], named: dict[str, Any], used: set[str], types: dict[str, Any]) -> list[str]:
    flags = told.get("flags") or ""
    how = "read-only" if "ReadOnly" in flags else "required" if "Required" in flags else ""
    kind = str(told["type"])
    bare = kind.removesuffix("[]")
    if bare in named:
        if how == "read-only" or told["name"] not in used:
            return ["any", how]
        if bare not in types:
            types[bare] = {}  # A type that holds itself ends here.
            types[bare] = _shape(named[bare], named, used, types)
    return [kind, how]


def _asked(program: str, resource: str) -> list[dict[str, Any]]:
    said = subprocess.run(
        [program, "bicepschema", "get", "--resource-type", resource.split("@", maxsplit=1)[0]],
        env={**os.environ, "AZURE_MCP_COLLECT_TELEMETRY": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    results: dict[str, Any] = json.loads(said.stdout).get("results") or {}
    found: list[dict[str, Any]] = results.get("BicepSchemaResult", [])
    return found


def main(program: str) -> None:
    """Prints the excerpt for every resource that a template declares."""
    used: set[str] = set()
    resources: set[str] = set()
    for path in sorted(_TEMPLATES.rglob("*.bicep")):
        file = read(path)
        resources |= {each.type for each in file.of("resource") if not each.existing}
        for node in walk(file.root):
            if node.type == "object":
                used |= set(properties(node))
    known = {}
    for resource in sorted(resources):
        schema = excerpt(_asked(program, resource), resource, used)
        if schema is None:
            print(f"azmcp does not know {resource}", file=sys.stderr)
            continue
        known[resource] = schema
    print(json.dumps(known, separators=(",", ":"), sort_keys=True))


if __name__ == "__main__":
    main(os.environ["AZMCP"])
