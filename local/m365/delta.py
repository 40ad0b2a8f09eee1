"""
Delta rounds over the messages of a folder and over the folders of a mailbox.

A link carries its own state, the sequence up to which its holder knows, so nothing is kept here. Pages come in the
order of change, whatever `$orderby` says. `$deltatoken=latest` is ignored, as it is for mail.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import quote

from local.m365 import query as odata
from local.m365.calls import Call, Reply
from local.m365.errors import GraphError
from local.m365.faults import Faults
from local.m365.mail_reads import context, folder_resource
from local.m365.mailbox import Mailbox
from local.m365.rendering import message_resource

#: Sequence of the change, and what shows it; only a page's rows are shown.
Row = tuple[int, Callable[[], dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class State:
    """How far a round has come; the first round does not tell of what is gone."""

    sequence: int = 0
    first: bool = True
    options: dict[str, str] | None = None


def message_delta(mailbox: Mailbox, call: Call, keys: list[str], faults: Faults) -> Reply:
    """What changed in a folder since the link was made."""
    # https://learn.microsoft.com/graph/delta-query-messages
    state = _state(call, faults)
    folder = mailbox.folder(keys[0])
    query = odata.read(state.options or {})
    kinds = set((state.options or {}).get("changeType", "created,updated,deleted").split(","))
    rows: list[Row] = []
    for immutable, (sequence, changing) in reversed(folder.changes.items()):
        if sequence <= state.sequence:
            break
        if immutable not in folder.messages:
            identity = immutable if call.immutable else changing
            reason = "changed" if immutable in mailbox.messages else "deleted"
            if not state.first and "deleted" in kinds:
                rows.append((sequence, partial(_removed, identity, reason)))
            continue
        kind = "created" if folder.arrivals[immutable] > state.sequence else "updated"
        message = mailbox.messages[immutable]
        if kind in kinds and (query.matches is None or query.matches(message.properties)):
            rows.append((sequence, partial(message_resource, mailbox, message, call, query)))
    rows.reverse()
    return _page(call, state, rows, faults, mailbox)


def folder_delta(mailbox: Mailbox, call: Call, keys: list[str], faults: Faults) -> Reply:
    """Which folders changed since the link was made."""
    del keys
    state = _state(call, faults)
    rows: list[Row] = []
    for identity, sequence in mailbox.folder_changes.items():
        folder = mailbox.folders.get(identity)
        if sequence <= state.sequence:
            continue
        if folder is not None:
            rows.append((sequence, partial(folder_resource, mailbox, folder)))
        elif not state.first:
            rows.append((sequence, partial(_removed, identity, "deleted")))
    return _page(call, state, rows, faults, mailbox)


def _page(call: Call, state: State, rows: list[Row], faults: Faults, mailbox: Mailbox) -> Reply:
    options = state.options or {}
    size = int(options.get("$top") or call.preferences().get("odata.maxpagesize") or 10)
    body: dict[str, Any] = {"@odata.context": context(call, mailbox, "/".join(call.segments[2:]))}
    if faults.strikes("delta_empty_page"):
        return Reply(body=body | {"@odata.nextLink": _link(call, "$skiptoken", state), "value": []})
    shown, more = rows[:size], len(rows) > size
    value = [show() for _, show in shown]
    if len(value) > 1 and faults.strikes("delta_replay"):
        value.append(value[0])
    if more:
        body["@odata.nextLink"] = _link(call, "$skiptoken", replace(state, sequence=shown[-1][0]))
    else:
        known = State(mailbox.sequence, first=False, options=options)
        body["@odata.deltaLink"] = _link(call, "$deltatoken", known)
    return Reply(body=body | {"value": value})


def _removed(identity: str, reason: str) -> dict[str, Any]:
    return {"id": identity, "@removed": {"reason": reason}}


def _state(call: Call, faults: Faults) -> State:
    token = call.query.get("$deltatoken") or call.query.get("$skiptoken")
    if not token or token == "latest":  # noqa: S105  a documented word, not a secret
        return State(options={name: value for name, value in call.query.items() if "token" not in name})
    if faults.strikes("delta_gone"):
        raise GraphError(410, "resyncRequired", "Resync required.", headers={"Location": _restart(call)})
    if faults.strikes("delta_state_not_found"):
        raise GraphError(400, "syncStateNotFound", "The sync state generation is not found.")
    try:
        return State(**json.loads(base64.urlsafe_b64decode(token)))
    except (ValueError, TypeError) as exc:
        raise GraphError(400, "syncStateInvalid", "The sync state is invalid.") from exc


def _link(call: Call, name: str, state: State) -> str:
    token = base64.urlsafe_b64encode(json.dumps(asdict(state)).encode()).decode()
    return f"{_restart(call)}?{name}={quote(token)}"


def _restart(call: Call) -> str:
    return f"{call.base}/v1.0/{'/'.join(quote(segment) for segment in call.segments)}"
