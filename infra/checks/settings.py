"""Settings: the app starts with what the templates set, and nothing of it is refused by Flex Consumption."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from infra.checks.parameters import settings_of
from shared.settings import OF_THE_APP, Settings, variable

# https://learn.microsoft.com/azure/azure-functions/functions-app-settings#flex-consumption-plan-deprecations
_REFUSED = re.compile(
    "ENABLE_ORYX_BUILD|FUNCTIONS_EXTENSION_VERSION|FUNCTIONS_WORKER_(PROCESS_COUNT|RUNTIME.*|DYNAMIC_CONCURRENCY_ENABLED)"
    "|FUNCTIONS_MAX_HTTP_CONCURRENCY|SCM_DO_BUILD_DURING_DEPLOYMENT|TZ|WEBSITE_(CONTENT.*|DNS_SERVER|MAX_DYNAMIC.*|"
    "MOUNT_ENABLED|NODE_DEFAULT_VERSION|RUN_FROM_PACKAGE|SKIP_CONTENTSHARE_VALIDATION|TIME_ZONE|"
    "USE_PLACEHOLDER_DOTNETISOLATED|VNET_ROUTE_ALL)"
)
# Read by the platform, and by nothing of ours.
_PLATFORM = {
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "AzureWebJobsDisableHomepage",
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsStorage__credential",
    "PYTHON_THREADPOOL_THREAD_COUNT",
}
# Work that waits has a thread, whether it came as a call or as a message.
_THREADS = {
    "bicep": r"PYTHON_THREADPOOL_THREAD_COUNT: string\(max\((\d+), httpConcurrency\)\)",
    "terraform": r"PYTHON_THREADPOOL_THREAD_COUNT += tostring\(max\((\d+), var\.http_concurrency\)\)",
}
_HOST = Path(__file__).parents[2] / "host.json"
_SECRET = {"CLIENT_STATE_KEYS", "API_TOKEN", "SIDECAR_KEY"}
_SAMPLES = {
    "AzureWebJobsStorage__queueServiceUri": "https://one.queue.example.com/",
    "AzureWebJobsStorage__tableServiceUri": "https://one.table.example.com/",
    "KEY_VAULT_URL": "https://one.vault.example.com/",
    "CLIENT_STATE_KEYS": f"k1:{b64encode(bytes(32)).decode()}",
    "API_TOKEN": "t" * 64,
    "SIDECAR_URL": "https://sidecar.example.com",
    "SIDECAR_KEY": "s" * 64,
}


def problems(infra: Path) -> list[str]:
    """Returns what is wrong with the settings that the templates set."""
    return [
        f"{side}: {problem}"
        for side in ("bicep", "terraform")
        for problem in [
            *_app(settings_of(infra)["app"][side]),
            *_sidecar(settings_of(infra)["sidecar"][side]),
            *_hidden(infra, side),
            *_threads(infra, side),
            *_kept_from_the_sidecar(infra, side),
        ]
    ]


def _app(names: set[str]) -> Iterator[str]:
    for name in sorted(names):
        if _REFUSED.fullmatch(name):
            yield f"{name} is refused on Flex Consumption"
        elif name not in _known() | _PLATFORM:
            yield f"{name} is no setting of the app"
    yield from _refused("the app", names)
    for name in sorted({*_SAMPLES, *_PLATFORM, "AzureWebJobsStorage__clientId"} - names):
        yield f"{name} is not set for the app"


def _sidecar(names: set[str]) -> Iterator[str]:
    alone = {variable(field) for field in OF_THE_APP}
    needed = {*_SAMPLES, "AzureWebJobsStorage__clientId"} - alone - {"SIDECAR_URL"}
    yield from _refused("the sidecar", names)
    for name in sorted(needed - names):
        yield f"{name} is not set for the sidecar"
    for name in sorted(names & alone):
        yield f"{name} is the app's alone, and set for the sidecar"
    for name in sorted(names - needed - _known()):
        yield f"{name} is no setting of the sidecar"


def _refused(who: str, names: set[str]) -> Iterator[str]:
    try:
        Settings.model_validate({name: _SAMPLES.get(name, "x") for name in names})
    except ValidationError as refused:
        for problem in refused.errors(include_input=False):
            yield f"{who} does not start: {'.'.join(map(str, problem['loc']))} {problem['msg']}"


def _hidden(infra: Path, side: str) -> Iterator[str]:
    """Yields each secret that does not come from the vault."""
    app, container = (_template(infra, side, name) for name in ("function_app", "sidecar"))
    for name in sorted(_SECRET):
        for line in re.findall(rf"^ +{name} *[:=] (.*)$", app.read_text(), re.MULTILINE):
            if "@Microsoft.KeyVault(" not in line:
                yield f"{name} of the app is no reference to the vault"
        if re.search(rf"name *[:=] ['\"]{name}['\"],?\s+value", container.read_text()):
            yield f"{name} of the sidecar is no reference to the vault"


def _threads(infra: Path, side: str) -> Iterator[str]:
    """Yields where an instance takes more work than it has threads, so that a call would wait before it begins."""
    found = re.search(_THREADS[side], _template(infra, side, "function_app").read_text())
    queues = json.loads(_HOST.read_text())["extensions"]["queues"]
    messages = queues["batchSize"] + queues["newBatchThreshold"]
    if found is None:
        yield "PYTHON_THREADPOOL_THREAD_COUNT may be less than the HTTP concurrency"
    elif int(found[1]) < messages:
        yield f"PYTHON_THREADPOOL_THREAD_COUNT may be less than the {messages} messages that host.json lets come"


def _template(infra: Path, side: str, name: str) -> Path:
    return infra / "modules" / f"{name}.bicep" if side == "bicep" else infra / "terraform" / f"{name}.tf"


def _kept_from_the_sidecar(infra: Path, side: str) -> Iterator[str]:
    """Yields where the sidecar's further settings could set what is set already, or what is the app's alone."""
    name = "modules/sidecar.bicep" if side == "bicep" else "terraform/sidecar.tf"
    found = re.search(r"refused = \[(.*?)\]", (infra / name).read_text(), re.DOTALL)
    refused = set(re.findall(r"['\"](\w+)['\"]", found[1] if found else ""))
    # The probes know the port.
    wanted = settings_of(infra)["sidecar"][side] | {variable(field) for field in (*OF_THE_APP, "sidecar_port")}
    for setting in sorted(refused ^ wanted):
        yield f"{setting} is {'not ' if setting in wanted else ''}refused in the sidecar's further settings"


def _known() -> set[str]:
    return {variable(field) for field in Settings.model_fields}
