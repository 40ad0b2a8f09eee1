"""Wiring: what one file hands to the next by name is asked for under that name, from a hook to an output."""

import re
from collections.abc import Iterator
from pathlib import Path

from infra.checks.bicep_files import loaded, properties, read, text
from infra.checks.terraform_files import blocks

# Which azd sets by itself.
# https://learn.microsoft.com/azure/developer/azure-developer-cli/manage-environment-variables
_OF_AZD = {"AZURE_ENV_NAME", "AZURE_LOCATION", "AZURE_PRINCIPAL_ID", "AZURE_SUBSCRIPTION_ID"}
_READS = re.compile(r"readEnvironmentVariable\('(\w+)'")
_OUTPUT = re.compile(r"^(\w+)!?\.outputs\.(\w+)$")
_ADDRESS = re.compile(r"__(blob|queue|table)ServiceUri['\"]?,?\s*(?:value)?\s*[:=]\s*(.*)")
_ROOT = Path(__file__).parents[2]
_TRIGGER = re.compile(r"queue_name=\"([\w-]+)\"")


def problems(infra: Path) -> list[str]:
    """Returns each name that leads nowhere."""
    checks = [_hooks, _variables_agree, _outputs, _addresses, _queues, _functions, _probes, _vault]
    return [problem for check in checks for problem in check(infra)]


def _hooks(infra: Path) -> Iterator[str]:
    """The hooks of azd set what its parameters read, and read what its template tells."""
    known = {*_OF_AZD, *_variables(infra / "azd.bicepparam"), *_exported(infra / "secrets.sh")}
    told = {each.name for each in read(infra / "azd.bicep").of("output")}
    for path in sorted((infra / "hooks").glob("*.sh")):
        script = path.read_text()
        loops = {name: words.split() for name, words in re.findall(r"^for (\w+) in (.*); do$", script, re.MULTILINE)}
        for quoted, name in re.findall(r"azd env set (\"\$)?(\w+)", script):
            for each in loops.get(name, [name]) if quoted else [name]:
                if each not in known:
                    yield f"hooks/{path.name} sets {each}, which azd.bicepparam does not read"
        asked = set(re.findall(r"azd env get-value (\w+)", script)) | set(re.findall(r"\$\{?([A-Z_]{2,})", script))
        for each in sorted(asked - told - known):
            yield f"hooks/{path.name} asks for {each}, which azd.bicep does not tell"


def _variables_agree(infra: Path) -> Iterator[str]:
    """Both files of parameters read the same variables, and secrets.sh makes those of the secrets."""
    secrets = {_shell(each.name) for each in read(infra / "main.bicep").of("param") if "@secure()" in each.decorators}
    for path in sorted(infra.rglob("*.bicep")):
        for each in read(path).of("param"):
            if _shell(each.name) in secrets and "@secure()" not in each.decorators:
                yield f"{path.relative_to(infra)}: {each.name} would be shown, without @secure()"
    for who, names in {
        "secrets.sh does not make": set(_exported(infra / "secrets.sh")),
        "main.bicepparam does not read": set(_variables(infra / "main.bicepparam")),
        "azd.bicepparam does not read": set(_variables(infra / "azd.bicepparam")),
    }.items():
        for name in sorted(secrets - names):
            yield f"{who} {name}"
    known = set(_variables(infra / "main.bicepparam"))
    for name in _variables(infra / "azd.bicepparam"):
        if name not in known and not name.startswith("AZURE_"):
            yield f"azd.bicepparam reads {name}, which main.bicepparam calls otherwise"


def _outputs(infra: Path) -> Iterator[str]:
    """A module's parameter takes the output of its own name, where there is one."""
    file = read(infra / "main.bicep")
    outputs = {each.name: {out.name for out in read(infra / each.literal).of("output")} for each in file.of("module")}
    for module in file.of("module"):
        given = properties(properties(module.body)["params"]) if module.body is not None else {}
        for name, value in given.items():
            found = _OUTPUT.match(text(value))
            if found and found[2] != name and name in outputs.get(found[1], set()):
                yield f"main.bicep: {name!r} of module {module.name!r} is given {found[2]!r}, not {name!r}"


def _addresses(infra: Path) -> Iterator[str]:
    """The address of each of storage's services is that service's."""
    for path in sorted([*infra.glob("modules/*.bicep"), *infra.glob("terraform/*.tf")]):
        for service, value in _ADDRESS.findall(path.read_text()):
            if service not in value.lower():
                yield f"{path.relative_to(infra)}: the address of {service}s is {value.strip()}"


def _queues(infra: Path) -> Iterator[str]:
    """There is the queue of each trigger, and where its messages go that fail."""
    needed = {f"{queue}{end}" for queue in _TRIGGER.findall(_code()) for end in ("", "-poison")}
    for queue in sorted(needed ^ set(loaded(infra / "storage.json")["queues"])):
        yield f"storage.json: the queue {queue!r} is {'missing' if queue in needed else 'nobody' + chr(39) + 's'}"


def _functions(infra: Path) -> Iterator[str]:
    """What is always ready is a function."""
    known = set(re.findall(r"function_name\(\"(\w+)\"\)", _code()))
    for name in ("modules/function_app.bicep", "terraform/function_app.tf"):
        ready = re.findall(r"['\"]function:(\w*)['\"]", (infra / name).read_text())
        if not ready or not known >= set(ready):
            yield f"{name}: always ready is function:{', '.join(ready)}, which is no function"


def _probes(infra: Path) -> Iterator[str]:
    """The container is asked what it answers."""
    known = set(re.findall(r"web\.get\(\"(/\w+)\"", (_ROOT / "sidecar" / "app.py").read_text()))
    for name in ("modules/sidecar.bicep", "terraform/sidecar.tf"):
        asked = set(re.findall(r"path *[:=] ['\"](/\w+)['\"]", (infra / name).read_text()))
        for path in sorted(asked - known):
            yield f"{name}: a probe asks for {path}, which the sidecar does not answer"


def _vault(infra: Path) -> Iterator[str]:
    """Each secret of the vault has the value that is called like it."""
    ours = [
        (text(given["name"]).strip("'"), _shell(text(properties(given["properties"])["value"])))
        for each in read(infra / "modules" / "vault.bicep").of("resource")
        if each.type.startswith("Microsoft.KeyVault/vaults/secrets@") and each.body is not None
        for given in [properties(each.body)]
    ]
    theirs = [
        (block.argument("name") or "", variable.upper())
        for block in blocks(infra / "terraform")
        if block.labels[:1] == ("azurerm_key_vault_secret",)
        for variable in re.findall(r"var\.(\w+)", block.argument("value_wo") or "var.nothing")
    ]
    for name, value in ours + theirs:
        if name.replace("-", "_") != value:
            yield f"the vault's secret {name} has the value of {value}"


def _shell(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).upper()


def _code() -> str:
    return "".join(path.read_text() for path in (_ROOT / "functions").glob("*.py"))


def _variables(path: Path) -> list[str]:
    return _READS.findall(path.read_text())


def _exported(path: Path) -> list[str]:
    return re.findall(r"export (\w+)=", path.read_text())
