"""A Graph request and its answer, whether it came alone or inside a batch."""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from multidict import MultiMapping

from local.m365.errors import GraphError, bad_request

#: OData writes a key in brackets as well as in a path segment of its own: mailFolders('inbox').
KEY_SEGMENT = re.compile(r"(\w+)\('(.*)'\)")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as the access token says."""

    tenant: str
    application: str
    service_principal: str
    roles: frozenset[str]


@dataclass(slots=True)
class Call:
    """One request below /v1.0; `base` is the origin that the caller used, for links back."""

    method: str
    segments: list[str]
    query: dict[str, str]
    headers: MultiMapping[str]
    body: bytes
    base: str
    caller: Caller

    def json(self) -> dict[str, Any]:
        """The body as an object."""
        try:
            value = json.loads(self.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise bad_request("Unable to read JSON request payload. Please ensure Content-Type header is set.")
        return value

    def preferences(self) -> dict[str, str]:
        """The Prefer headers, names in lower case, quotes removed."""
        found: dict[str, str] = {}
        for part in ",".join(self.headers.getall("Prefer", [])).split(","):
            name, _, value = part.partition("=")
            found[name.strip().lower()] = value.strip().strip('"')
        return found

    @property
    def immutable(self) -> bool:
        """Whether this request asks for ids that survive a move."""
        # https://learn.microsoft.com/graph/outlook-immutable-id
        return self.preferences().get("idtype", "").lower() == "immutableid"


@dataclass(slots=True)
class Reply:
    """An answer; a body of bytes is sent as it is, anything else as JSON."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


def messages_of(call: Call) -> list[str]:
    """Names the messages that a request is about, those of a batch's inner requests too."""
    if call.segments != ["$batch"]:
        return _message(call.segments)
    try:
        targets = [read_target(request["url"])[0] for request in call.json()["requests"]]
    except (GraphError, KeyError, TypeError, AttributeError):
        return []
    return [message for segments in targets for message in _message(segments)]


def _message(segments: list[str]) -> list[str]:
    # users/{user}/messages/{message}/...; what stands there in a delta call is no message's id.
    return segments[3:4] if segments[2:3] == ["messages"] else []


def read_target(target: str) -> tuple[list[str], dict[str, str]]:
    """Splits a request target into decoded path segments and query options."""
    path, _, query = target.partition("?")
    segments: list[str] = []
    for raw in path.split("/"):
        segment = unquote(raw).removesuffix("()")
        if not segment:
            continue
        keyed = KEY_SEGMENT.fullmatch(segment)
        segments += [keyed[1], keyed[2].replace("''", "'")] if keyed else [segment]
    return segments, dict(parse_qsl(query, keep_blank_values=True))
