"""What the host reads before it starts: local.settings.json, host.json, and the environment above both."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from local.host import timespan
from local.host.errors import StartRefused

_OVERRIDE = "AzureFunctionsJobHost__"
_PLACEHOLDER = re.compile(r"%([^%\s]+)%")


@dataclass(frozen=True)
class QueueOptions:
    """How queue triggers read, retry and give up: `extensions.queues` of host.json."""

    # https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue#hostjson-settings
    batch_size: int = 16
    new_batch_threshold: int = 8
    max_polling_interval: timedelta = timedelta(minutes=1)
    visibility_timeout: timedelta = timedelta(0)
    max_dequeue_count: int = 5
    base64: bool = True


@dataclass(frozen=True)
class HostSettings:
    """What host.json says, with its overrides applied."""

    route_prefix: str = "api"
    function_timeout: timedelta | None = timedelta(minutes=30)
    queues: QueueOptions = QueueOptions()
    log_levels: Mapping[str, str] = field(default_factory=dict)


def load_local_settings(root: Path) -> None:
    """Puts the Values of local.settings.json into the environment where a variable is not set yet."""
    content = _read(root / "local.settings.json")
    if content.get("IsEncrypted") is True:
        raise StartRefused("local.settings.json is encrypted: run `func settings decrypt`, or write it in plain text.")
    for name, value in (content.get("Values") or {}).items():
        os.environ.setdefault(name, "" if value is None else str(value))


def load_host_settings(root: Path) -> HostSettings:
    """Reads host.json and its AzureFunctionsJobHost__a__b overrides."""
    if not (root / "host.json").is_file():
        raise StartRefused(f"There is no host.json in {root}: the host starts in the folder of a function app.")
    content = _read(root / "host.json")
    if content.get("version") != "2.0":
        raise StartRefused(f'host.json says version {content.get("version")!r}: it must say "2.0".')
    _apply_overrides(content, os.environ)
    try:
        return HostSettings(
            route_prefix=str(_at(content, "extensions", "http", "routePrefix", default="api")).strip("/"),
            function_timeout=_timeout(content.get("functionTimeout", "00:30:00")),
            queues=_queue_options(_at(content, "extensions", "queues", default={})),
            log_levels=_at(content, "logging", "logLevel", default={}),
        )
    except (ValueError, TypeError) as error:
        raise StartRefused(f"host.json holds a value that the host cannot use: {error}.") from error


def expand(text: str) -> str:
    """Replaces each %NAME% by that setting, as the host does in queue names, schedules and routes."""

    def setting(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in os.environ:
            raise StartRefused(f"{text!r} names the setting {name}, which is not set: add it to local.settings.json.")
        return os.environ[name]

    return _PLACEHOLDER.sub(setting, text)


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise StartRefused(f"{path.name} is not valid JSON: {error}.") from error
    if not isinstance(content, dict):
        raise StartRefused(f"{path.name} holds {type(content).__name__}, not a JSON object.")
    return content


def _apply_overrides(content: dict[str, Any], environment: Mapping[str, str]) -> None:
    for name, value in environment.items():
        if not name.lower().startswith(_OVERRIDE.lower()):
            continue
        *path, last = name[len(_OVERRIDE) :].split("__")
        place = content
        for part in path:
            place = place.setdefault(_spelling(place, part), {})
        place[_spelling(place, last)] = value


def _spelling(place: Mapping[str, Any], name: str) -> str:
    """Finds a key as host.json spells it, since the host compares names without case."""
    return next((key for key in place if key.lower() == name.lower()), name)


def _at(content: Mapping[str, Any], *path: str, default: Any) -> Any:
    for part in path:
        content = content.get(_spelling(content, part), {})
    return content if content != {} else default


def _timeout(text: object) -> timedelta | None:
    return None if str(text) == "-1" else timespan.parse(str(text))


def _queue_options(section: Mapping[str, Any]) -> QueueOptions:
    value = {name.lower(): str(text) for name, text in section.items()}
    batch_size = int(value.get("batchsize", "16"))
    if not 1 <= batch_size <= 32:
        raise ValueError(f"queues.batchSize is {batch_size}, but must be 1 to 32")
    return QueueOptions(
        batch_size=batch_size,
        new_batch_threshold=int(value.get("newbatchthreshold", batch_size // 2)),
        max_polling_interval=timespan.parse(value.get("maxpollinginterval", "00:01:00")),
        visibility_timeout=timespan.parse(value.get("visibilitytimeout", "00:00:00")),
        max_dequeue_count=int(value.get("maxdequeuecount", "5")),
        base64=value.get("messageencoding", "base64").lower() == "base64",
    )
