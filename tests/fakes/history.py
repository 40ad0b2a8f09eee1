"""A mailbox in memory that tells what happened in it, page by page, as Graph's listing and delta do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from threading import RLock

from shared.domain.errors import TryLater
from shared.domain.messages import Message
from shared.domain.oauth2 import OAuth2App
from shared.ports.machine import Clock
from shared.ports.microsoft365 import FolderChanges, Glance, Listing
from tests.fakes.microsoft365 import Troubles


@dataclass(frozen=True)
class Round:
    """How far a round over a folder has come; the first one does not tell of what is gone."""

    folder: str
    since: datetime
    sequence: int = 0
    first: bool = True
    age: int = 0

    @property
    def link(self) -> str:
        """What leads on from here."""
        first = "first" if self.first else "later"
        return f"delta|{self.folder}|{self.since.isoformat()}|{self.sequence}|{first}|{self.age}"

    @classmethod
    def of(cls, link: str) -> "Round":
        """Read a link."""
        _, folder, since, sequence, first, age = link.split("|")
        return cls(folder, datetime.fromisoformat(since), int(sequence), first == "first", int(age))


class FakeHistory:
    """
    Tells of one mailbox, whoever's name is given. `calls` holds what was asked, a word for each call.

    With a reader's `messages` it is that reader's mailbox. Folders in `missing` are not there.
    """

    def __init__(self, clock: Clock, messages: dict[str, Message] | None = None, *, page: int = 250) -> None:
        self._clock = clock
        self._page = page
        self._changes: dict[tuple[str, str], int] = {}
        self._sequence = 0
        self._age = 0
        self._lock = RLock()
        self.messages: dict[str, Message] = {} if messages is None else messages
        self.missing: set[str] = set()
        self.troubles = Troubles()
        self.calls: list[str] = []

    def deliver(self, *messages: Message) -> None:
        """Put messages into the mailbox."""
        for message in messages:
            self._enter(message)

    def flag(self, message: str, *flags: str) -> None:
        """Give a message these flags and no others."""
        with self._lock:
            self._enter(self._marked(replace(self.messages[message], flags=frozenset(flags))))

    def move(self, message: str, folder: str) -> None:
        """Move a message to another folder."""
        with self._lock:
            self._leave(message)
            self._enter(self._marked(replace(self.messages[message], folder=folder)))

    def delete(self, message: str) -> None:
        """Delete a message for good."""
        with self._lock:
            self._leave(message)
            del self.messages[message]

    def forget(self) -> None:
        """Make every link of a folder worthless that leads on from now."""
        self._age += 1

    def glance(self, app: OAuth2App, user: str, since: datetime, links: Mapping[str, str | None]) -> Glance:
        """Look once."""
        self._called("glance")
        rounds = {
            folder: self._round(folder, link or self._beginning(folder).link)
            for folder, link in links.items()
            if folder not in self.missing
        }
        return Glance(self._listing("received", since, since, 0), self._listing("modified", since, since, 0), rounds)

    def follow(self, app: OAuth2App, user: str, folder: str, link: str) -> FolderChanges:
        """Return the page that a folder's link leads to."""
        self._called("follow")
        if folder in self.missing:
            return FolderChanges((), (), self._beginning(folder).link, more=False, reset=True)
        return self._round(folder, link)

    def list(self, app: OAuth2App, user: str, link: str) -> Listing:
        """Return the page that a listing's link leads to."""
        self._called("list")
        kind, name, since, first, skip = link.split("|")
        if kind != "list":
            raise TryLater(f"{link!r} leads to no listing.")
        return self._listing(name, datetime.fromisoformat(since), datetime.fromisoformat(first), int(skip))

    def _called(self, name: str) -> None:
        self.calls.append(name)
        self.troubles.strike()

    def _listing(self, name: str, since: datetime, first: datetime, skip: int) -> Listing:
        def moment(message: Message) -> datetime:
            return message.received if name == "received" else message.modified

        with self._lock:
            found = sorted(self.messages.values(), key=moment)
        older = [each for each in found if name == "received" or each.received < first]
        wanted = [each for each in older if moment(each) >= since]
        shown, more = wanted[skip : skip + self._page], len(wanted) > skip + self._page
        if not more:
            return Listing(tuple(shown), None)
        # As ours, it goes on at the last moment, and counts only where one moment fills a page.
        last = moment(shown[-1])
        onward, passed = (last, 0) if last > since else (since, skip + self._page)
        return Listing(tuple(shown), f"list|{name}|{onward.isoformat()}|{first.isoformat()}|{passed}")

    def _beginning(self, folder: str) -> Round:
        return Round(folder, self._clock.now(), age=self._age)

    def _round(self, folder: str, link: str) -> FolderChanges:
        come = Round.of(link)
        if come.age < self._age and (come.sequence or not come.first):
            return FolderChanges((), (), self._beginning(folder).link, more=True, reset=True)
        with self._lock:
            rows = [row for row in self._rows(come) if self._shown(row[1], come)]
            shown, more = rows[: self._page], len(rows) > self._page
            last = shown[-1][0] if more else self._sequence
            following = replace(come, sequence=last, first=come.first and more, age=self._age)
            return FolderChanges(
                messages=tuple(self.messages[name] for _, name in shown if self._is_in(name, folder)),
                removed=tuple(name for _, name in shown if not self._is_in(name, folder)),
                link=following.link,
                more=more,
            )

    def _rows(self, come: Round) -> Iterable[tuple[int, str]]:
        for (folder, name), sequence in self._changes.items():
            if folder == come.folder and sequence > come.sequence:
                yield sequence, name

    def _shown(self, name: str, come: Round) -> bool:
        # As Graph, a round keeps the filter that it began with; removals pass it.
        if self._is_in(name, come.folder):
            return self.messages[name].received >= come.since
        return not come.first

    def _is_in(self, name: str, folder: str) -> bool:
        message = self.messages.get(name)
        return message is not None and message.folder == folder

    def _marked(self, message: Message) -> Message:
        return replace(message, modified=self._clock.now(), change_key=f"{message.change_key}+")

    def _enter(self, message: Message) -> None:
        with self._lock:
            self.messages[message.id] = message
            self._touch(message.folder, message.id)

    def _leave(self, message: str) -> None:
        self._touch(self.messages[message].folder, message)

    def _touch(self, folder: str, message: str) -> None:
        self._sequence += 1
        # Taken out first, so that the dictionary stays in the order of the changes.
        self._changes.pop((folder, message), None)
        self._changes[folder, message] = self._sequence
