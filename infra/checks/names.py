"""Names: for the shortest and the longest name that the templates take, every resource has one that Azure takes."""

import re
from collections.abc import Iterator
from pathlib import Path

from infra.checks.bicep_files import loaded, properties, read, text

# https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
_RULES = {
    "Microsoft.App/containerApps": r"[a-z](?!.*--)[a-z0-9-]{0,30}[a-z0-9]",
    "Microsoft.App/managedEnvironments": r"[a-zA-Z][a-zA-Z0-9-]{0,58}[a-zA-Z0-9]",
    "Microsoft.Consumption/budgets": r"[\w-]{1,63}",
    "Microsoft.ContainerRegistry/registries": r"[a-zA-Z0-9]{5,50}",
    "Microsoft.Insights/actionGroups": r"[^/&%?\x00-\x1f]{1,260}",
    "Microsoft.Insights/components": r"[^%&\\?/]{1,260}",
    "Microsoft.KeyVault/vaults": r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]{1,22}[a-zA-Z0-9]",
    "Microsoft.ManagedIdentity/userAssignedIdentities": r"[a-zA-Z0-9][\w-]{2,127}",
    "Microsoft.Network/natGateways": r"[a-zA-Z0-9][\w.-]{0,78}\w",
    "Microsoft.Network/privateEndpoints": r"[a-zA-Z0-9][\w.-]{0,62}\w",
    "Microsoft.Network/publicIPAddresses": r"[a-zA-Z0-9][\w.-]{0,78}\w",
    "Microsoft.Network/virtualNetworks": r"[a-zA-Z0-9][\w.-]{0,62}\w",
    "Microsoft.OperationalInsights/workspaces": r"[a-zA-Z0-9][a-zA-Z0-9-]{2,61}[a-zA-Z0-9]",
    "Microsoft.Storage/storageAccounts": r"[a-z0-9]{3,24}",
    "Microsoft.Web/serverfarms": r"[a-zA-Z0-9-]{1,60}",
    # Longer ones may be: but of them the Functions host takes 32 characters for its id.
    # https://learn.microsoft.com/azure/azure-functions/storage-considerations#host-id-considerations
    "Microsoft.Web/sites": r"[a-zA-Z0-9][a-zA-Z0-9-]{0,30}[a-zA-Z0-9]",
}
# https://learn.microsoft.com/rest/api/storageservices/naming-queues-and-metadata and its neighbours
_IN_STORAGE = {
    "tables": r"[A-Za-z][A-Za-z0-9]{2,62}",
    "queues": r"[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]",
    "container": r"[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]",
}
_PLACE = "${name}"
_LONGEST = 1000


def problems(infra: Path) -> list[str]:
    """Returns each name that Azure would refuse, and bounds in which the templates do not agree."""
    least, most = _bounds(infra)
    found = [problem for length in (least, most) for problem in _refused(infra, "n" * length)]
    if f'"^[a-z][a-z0-9]{{{least - 1},{most - 1}}}$"' not in (infra / "terraform" / "variables.tf").read_text():
        found.append(f"Terraform takes other names than Bicep, which takes {least} to {most} characters")
    return found + [
        f"storage.json: Azure takes no {kind} of the name {name!r}"
        for kind, told in loaded(infra / "storage.json").items()
        for name in (told if isinstance(told, list) else [told])
        if not re.fullmatch(_IN_STORAGE[kind], name)
    ]


def _bounds(infra: Path) -> tuple[int, int]:
    name = next(each for each in read(infra / "main.bicep").of("param") if each.name == "name")
    told = dict(re.findall(r"@(min|max)Length\((\d+)\)", name.decorators))
    return int(told.get("min", 1)), int(told.get("max", _LONGEST))


def _refused(infra: Path, name: str) -> Iterator[str]:
    for path in sorted((infra / "modules").glob("*.bicep")):
        for each in read(path).of("resource"):
            kind = each.type.split("@")[0]
            if each.existing or each.body is None or kind not in _RULES:
                continue
            made = text(properties(each.body)["name"]).strip("'").replace(_PLACE, name)
            made = re.sub(r"\$\{[\w.]+\}", "x" * 8, made)
            if not re.fullmatch(_RULES[kind], made):
                yield f"modules/{path.name}: Azure takes no {kind} of the name {made!r}"
