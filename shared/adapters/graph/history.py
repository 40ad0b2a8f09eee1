"""
Tells what happened in a mailbox while nobody called us: two listings over all folders, and delta for the watched ones.

One listing asks what was received since a moment, the other which older mail was modified since. Delta tells what is
gone. It cannot begin with nothing but the future, so a round begins with a filter that lets nothing old through.

What Microsoft documents: filter and order of a listing, and that delta tells of removals. What it does not, so that it
stands on experience only: that whatever an event tells (read, flagged, categorized, moved) moves
`lastModifiedDateTime`, and that a filtered round of delta tells of removals of mail that its filter shut out. Each
covers part of the other's ground: a mark in a watched folder is in both, a move is in the other folder's listing. What
rests on the second alone is the deletion, for good, of mail that is older than the round, in a watched folder.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote

from shared.adapters.graph import batch
from shared.adapters.graph.client import IMMUTABLE_IDS, GraphClient, Request, address
from shared.adapters.graph.errors import BAD_REQUEST, GONE, NOT_FOUND, Answer, code_of, content, read_error
from shared.adapters.graph.messages import BRIEF, message_of, message_path
from shared.adapters.graph.slots import Slots
from shared.adapters.graph.users import user_path
from shared.domain.errors import RelayError, TryLater
from shared.domain.mailboxes import mailbox_key
from shared.domain.messages import Message
from shared.domain.oauth2 import OAuth2App
from shared.ports.machine import Clock
from shared.ports.microsoft365 import FolderChanges, Glance, Listing

_PAGE = 250
_PREFER = f"{IMMUTABLE_IDS}, odata.maxpagesize={_PAGE}"
_NEXT = "@odata.nextLink"
_DELTA = "@odata.deltaLink"
_REMOVED = "@removed"
_FORGOTTEN = frozenset({"syncstatenotfound", "resyncrequired", "invalidsyncstatedata"})
_ABSENT = frozenset({"ErrorItemNotFound", "ErrorFolderNotFound"})
_RECEIVED = "receivedDateTime"
_MODIFIED = "lastModifiedDateTime"
_FROM = re.compile(r"(?P<name>\w+) ge (?P<moment>\S+)")


class GraphHistory:
    """Looks into mailboxes through *client*, one at a time into each: all that a look asks for has the one slot."""

    def __init__(self, client: GraphClient, clock: Clock, slots: Slots) -> None:
        self._client = client
        self._clock = clock
        self._slots = slots

    def glance(self, app: OAuth2App, user: str, since: datetime, links: Mapping[str, str | None]) -> Glance:
        """
        Returns what was received or modified at or after *since* in all folders, and what changed in those of *links*.

        A folder that the mailbox does not have is left out. Beyond one call it takes one more for each 20 folders above
        18, for each 20 messages of which Graph tells nothing but that they were read, and for each folder or message
        that is not there any more, unless nothing was asked for after it.
        """
        with self._slots.alone(mailbox_key(app, user)):
            return self._glance(app, user, since, links)

    def follow(self, app: OAuth2App, user: str, folder: str, link: str) -> FolderChanges:
        """Returns the page that a folder's link leads to; where the folder is gone, a new round awaits its return."""
        with self._slots.alone(mailbox_key(app, user)):
            return self._changes(app, user, folder, link, self._client.send(app, _page(link)))

    def list(self, app: OAuth2App, user: str, link: str) -> Listing:
        """Returns the page that a listing's link leads to."""
        with self._slots.alone(mailbox_key(app, user)):
            return _listing(content(self._client.send(app, _page(link)), self._clock.now()), link)

    def _glance(self, app: OAuth2App, user: str, since: datetime, links: Mapping[str, str | None]) -> Glance:
        now = self._clock.now()
        asked = {folder: link or beginning(user, folder, now) for folder, link in links.items()}
        arrivals, modified = _arrivals(user, since), _modified(user, since)
        arrived, touched, *rounds = self._get(app, [arrivals, modified, *asked.values()], now)
        found = {folder: answer for folder, answer in zip(asked, rounds, strict=True) if not _absent(answer)}
        known = [answer for folder, answer in found.items() if not _forgotten(answer, asked[folder])]
        _raise_the_worst([arrived, touched, *known], now)
        changes = {folder: self._changes(app, user, folder, asked[folder], answer) for folder, answer in found.items()}
        return Glance(_listing(content(arrived, now), arrivals), _listing(content(touched, now), modified), changes)

    def _changes(self, app: OAuth2App, user: str, folder: str, link: str, answer: Answer) -> FolderChanges:
        now = self._clock.now()
        if _forgotten(answer, link) or _absent(answer):
            return FolderChanges((), (), beginning(user, folder, now), more=not _absent(answer), reset=True)
        page = content(answer, now)
        following = page.get(_NEXT) or page.get(_DELTA)
        if not following:
            raise TryLater("Microsoft Graph answered without a link to go on from.")
        # Items are repeated, and the last one wins.
        # https://learn.microsoft.com/graph/delta-query-overview#replays
        latest = {item["id"]: item for item in page.get("value") or () if "id" in item}
        latest |= self._read(app, user, [key for key, item in latest.items() if _bare(item)], now)
        return FolderChanges(
            messages=_messages(item for item in latest.values() if _REMOVED not in item),
            removed=tuple(key for key, item in latest.items() if _REMOVED in item),
            link=following,
            more=_NEXT in page,
        )

    def _read(self, app: OAuth2App, user: str, messages: Sequence[str], now: datetime) -> dict[str, dict[str, Any]]:
        """Returns messages by id as they are now; one that is gone by now is removed."""
        answers = self._get(app, [message_path(user, message, complete=False) for message in messages], now)
        _raise_the_worst([answer for answer in answers if not _absent(answer)], now)
        return {
            message: {_REMOVED: {}} if _absent(answer) else content(answer, now)
            for message, answer in zip(messages, answers, strict=True)
        }

    def _get(self, app: OAuth2App, links: Sequence[str], now: datetime) -> Sequence[Answer]:
        # A batch takes paths below the version; of a whole link only that part counts, as it does in a call of its own.
        # https://learn.microsoft.com/graph/json-batching
        paths = [address("", link).removeprefix("/v1.0") for link in links]
        return batch.get_in_turn(self._client, app, paths, now, prefer=_PREFER)


def beginning(user: str, folder: str, now: datetime) -> str:
    """Returns the link that begins a folder's round at *now*: what is older is not in it."""
    # https://learn.microsoft.com/graph/api/message-delta
    path = f"{user_path(user)}/mailFolders/{quote(folder, safe='=')}/messages/delta"
    return f"{path}?$select={BRIEF}&$filter={quote(_from(_RECEIVED, now), safe=':')}"


def _arrivals(user: str, since: datetime) -> str:
    return _ordered(f"{user_path(user)}/messages", _RECEIVED, _from(_RECEIVED, since))


def _modified(user: str, since: datetime) -> str:
    # Mail received since is in the other listing, so that no message is in both.
    condition = f"{_from(_MODIFIED, since)} and {_RECEIVED} lt {_second(since)}"
    return _ordered(f"{user_path(user)}/messages", _MODIFIED, condition)


def _ordered(messages: str, name: str, condition: str) -> str:
    # What is ordered by has to come first in the filter.
    # https://learn.microsoft.com/graph/api/user-list-messages#using-filter-and-orderby-in-the-same-query
    return f"{messages}?$filter={quote(condition, safe=':')}&$orderby={name}&$select={BRIEF}&$top={_PAGE}"


def _from(name: str, moment: datetime) -> str:
    return f"{name} ge {_second(moment)}"


def _second(moment: datetime) -> str:
    # Graph tells mail's moments in whole seconds, so a fraction would shut out what came earlier in the same one.
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def _page(link: str) -> Request:
    return Request("GET", link, headers={"Prefer": _PREFER})


def _raise_the_worst(answers: Iterable[Answer], now: datetime) -> None:
    """Raises a refusal where there is one, else the longest wait; nothing where all answers are good."""
    errors = [read_error(answer, now) for answer in answers if not answer.good]
    if errors:
        raise max(errors, key=_weight)


def _weight(error: RelayError) -> timedelta:
    return error.retry_after or timedelta() if isinstance(error, TryLater) else timedelta.max


def _listing(page: Mapping[str, Any], link: str) -> Listing:
    return Listing(_messages(page.get("value") or ()), _after(page, link))


def _after(page: Mapping[str, Any], link: str) -> str | None:
    """
    Returns the link to what follows the *page* that *link* led to.

    Graph counts what it has shown, so whatever leaves its place in the order meanwhile (is deleted, or modified again)
    makes it pass over as much. So the next page begins at the last moment of this one, and repeats a little; only
    within one and the same second is Graph's own link followed.
    """
    following: str | None = page.get(_NEXT)
    path, _, query = link.partition("?")
    condition = dict(parse_qsl(query)).get("$filter", "")
    begun = _FROM.match(condition)
    last = page["value"][-1].get(begun["name"]) if begun and page.get("value") else None
    if following is None or begun is None or last is None:
        return following
    moment = datetime.fromisoformat(last)
    if _second(moment) <= begun["moment"]:
        return following
    return _ordered(path, begun["name"], _from(begun["name"], moment) + condition[begun.end() :])


def _messages(items: Iterable[Mapping[str, Any]]) -> tuple[Message, ...]:
    return tuple(message_of(item) for item in items)


def _forgotten(answer: Answer, link: str) -> bool:
    # A link with a token is Graph's own, so where Graph cannot read it any more, nothing helps but another. The
    # Location that comes with a 410 is not used: it leads through the whole folder.
    # https://learn.microsoft.com/graph/delta-query-overview#synchronization-reset
    if answer.good or "token=" not in link:
        return False
    return answer.status in {BAD_REQUEST, GONE} or code_of(answer).lower() in _FORGOTTEN


def _absent(answer: Answer) -> bool:
    return answer.status == NOT_FOUND and code_of(answer) in _ABSENT


def _bare(item: Mapping[str, Any]) -> bool:
    # Where a message was read and nothing else, Graph tells that and not what was selected.
    # https://github.com/microsoftgraph/microsoft-graph-docs/issues/7776
    return _REMOVED not in item and "receivedDateTime" not in item
