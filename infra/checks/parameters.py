"""Parameters and settings: Bicep and Terraform take the same, with the same defaults, and set the same."""

import re
from collections.abc import Iterator
from pathlib import Path

from infra.checks.bicep_files import read, text
from infra.checks.terraform_files import blocks

# Terraform writes a secret again only where its version is another; and is not told where it is by its command.
_ONLY_TERRAFORM = {
    *("client_state_keys_version", "api_token_version", "sidecar_key_version"),
    *("resource_group", "cloud"),
}
_OWN_DEFAULT = {"location", "operator_principal_id", "budget_start"}


def problems(infra: Path) -> list[str]:
    """Returns where the two differ."""
    return [*_parameters(infra), *_settings(infra)]


def settings_of(infra: Path) -> dict[str, dict[str, set[str]]]:
    """Returns the settings by who has them (app, sidecar) and by who sets them (bicep, terraform)."""
    app = {each.name: each for each in read(infra / "modules" / "function_app.bicep").of("var")}
    bicep_app = {
        name
        for variable in ("fixedSettings", "sidecarSettings")
        for name in re.findall(r"^ +(\w+): ", text(app[variable].node), re.MULTILINE)
    }
    container = text(read(infra / "modules" / "sidecar.bicep").of("resource")[0].node)
    terraform_app = (infra / "terraform" / "function_app.tf").read_text().split("\n}\n")[0]
    terraform_sidecar = (infra / "terraform" / "sidecar.tf").read_text()
    return {
        "app": {
            "bicep": bicep_app,
            "terraform": {*re.findall(r"^    (\w+) += ", terraform_app, re.MULTILINE)} - {"AzureWebJobsStorage"},
        },
        "sidecar": {
            "bicep": set(re.findall(r"\{ name: '(\w+)', (?:value|secretRef): ", container)),
            "terraform": set(re.findall(r"env \{\s+name +=\s+\"(\w+)\"", terraform_sidecar)),
        },
    }


def _parameters(infra: Path) -> Iterator[str]:
    ours = {
        re.sub(r"(?<=[a-z])([A-Z]+)", lambda found: "_" + found[1].lower(), each.name): each
        for each in read(infra / "main.bicep").of("param")
    }
    theirs = {block.labels[0]: block for block in blocks(infra / "terraform") if block.kind == "variable"}
    for name in sorted(set(ours) ^ (set(theirs) - _ONLY_TERRAFORM)):
        yield f"parameter {name!r} is known to {'Bicep' if name in ours else 'Terraform'} alone"
    used = "".join(path.read_text() for path in (infra / "terraform").glob("*.tf") if path.name != "variables.tf")
    for name in sorted(theirs):
        if not re.search(rf"\bvar\.{name}\b", used):
            yield f"parameter {name!r} is used nowhere in Terraform"
    for name in sorted(set(ours) & set(theirs)):
        default = text(ours[name].node).partition(" = ")[2].strip("'\n ")
        other = (theirs[name].argument("default") or "").strip('"')
        if default != other and name not in _OWN_DEFAULT:
            yield f"parameter {name!r} is {default or 'needed'} in Bicep and {other or 'needed'} in Terraform"
        secret = "@secure()" in ours[name].decorators
        if {secret} != {theirs[name].argument(word) == "true" for word in ("sensitive", "ephemeral")}:
            yield f"parameter {name!r} is not kept secret alike"


def _settings(infra: Path) -> Iterator[str]:
    for who, sides in settings_of(infra).items():
        for name in sorted(sides["bicep"] ^ sides["terraform"]):
            side = "Bicep" if name in sides["bicep"] else "Terraform"
            yield f"setting {name!r} of the {who} is set by {side} alone"
