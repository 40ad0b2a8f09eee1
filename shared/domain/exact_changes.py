"""
Exact changes: what a backend tells that compares a mailbox with what it told before, as the sidecar does over IMAP.

Nothing is inferred and nothing remembered here: what was said is what happened, in the order in which it was said.

* created, and it is there  -> messageNew
* created, and it is not    -> looked for again (a list may be ahead of its messages), then messageMissing
* updated                   -> messageUpdated, with the flags that came and went
* moved                     -> messageMoved under its new id, with the one that it had
* deleted                   -> messageDeleted

A repetition (after a crash, after another replica took over) has the same version, so it makes the same event id.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from shared.domain.changes import AGAIN, NOTHING, Change, ChangeKind, Meaning
from shared.domain.events import EventName, deleted_data, flag_changes, identity, missing_data, new_data
from shared.domain.messages import ContentRules, Message
from shared.domain.moments import day_of

# What came longer ago than this and is seen for the first time was put there: imported, copied, restored.
_NEW = timedelta(days=1)


def needs_reading(change: Change) -> bool:
    """Tells whether the message must be read to tell *change*."""
    if change.kind is ChangeKind.CREATED:
        return True
    tells_flags = change.kind is ChangeKind.UPDATED or change.former_flags is not None
    return tells_flags and change.kind is not ChangeKind.DELETED and change.flags is None


def meaning_of_exact(change: Change, message: Message | None, rules: ContentRules, *, patience: int) -> Meaning:
    """
    Returns what *change* comes to; *message* is None where it was not read, or is not there.

    Nobody tells when flags changed or a message went, so such events stand at the beginning of the day: a repetition
    lands on the same row.
    """
    if change.kind is ChangeKind.CREATED:
        return _arrival(change, message, rules, patience=patience)
    day = day_of(change.seen)
    if change.kind is ChangeKind.DELETED:
        return Meaning(EventName.MESSAGE_DELETED, deleted_data(change.message), change.version, day)
    flags = change.flags if change.flags is not None or message is None else message.flags
    if change.kind is ChangeKind.MOVED:
        return Meaning(EventName.MESSAGE_MOVED, _move(change, flags), change.version, day)
    if flags is None:
        # It went before it was read; that it is gone is told by itself.
        return NOTHING
    data = {**identity(change.message), "changes": flag_changes(flags, change.former_flags)}
    return Meaning(EventName.MESSAGE_UPDATED, data, change.version, day)


def _arrival(change: Change, message: Message | None, rules: ContentRules, *, patience: int) -> Meaning:
    if message is None:
        if change.looks < patience:
            return AGAIN
        missing = missing_data(change.message, change.looks)
        return Meaning(EventName.MESSAGE_MISSING, missing, moment=day_of(change.seen))
    data = new_data(message, rules)
    if "\\Draft" not in message.flags and change.seen - message.received < _NEW:
        data["seemsLikeNew"] = True
    return Meaning(EventName.MESSAGE_NEW, data, moment=message.received)


def _move(change: Change, flags: Iterable[str] | None) -> dict[str, Any]:
    data = identity(change.message)
    if change.former is not None:
        data["previous"] = identity(change.former)
    if flags is not None and change.former_flags is not None and set(change.former_flags) != set(flags):
        data["changes"] = flag_changes(flags, change.former_flags)
    return data
