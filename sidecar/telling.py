"""
What was found in the folders of a mailbox, as the changes and events that everybody else understands.

Ids and versions depend on nothing but the mailbox and its mirrors, so that a crash repeats them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.domain.accounts import Account
from shared.domain.changes import AccountEvent, Change, ChangeBatch, ChangeKind, account_event
from shared.domain.events import EventName
from shared.domain.imap_ids import folder_id, message_id
from shared.domain.imap_moves import Moved, Noted
from shared.domain.mirrors import Arrived, Mirror, Reflagged, names
from shared.ports.machine import Machine
from sidecar.book import Book
from sidecar.imap.folders import ImapFolder
from sidecar.news import Folder, News


async def tell(news: News, folders: Sequence[Folder], main: Folder, book: Book, machine: Machine) -> None:
    """Tells and saves the *news* of a mailbox's *folders*, through its *book*; nothing where there are none."""
    gone = [each for each in folders if each.gone]
    if not news.saved and not gone:
        return
    numbering = {each.path: mirror.uidvalidity for each in folders if (mirror := each.now or each.told)}
    correlation = machine.randomness.nonce()
    batch = Teller(book.account, machine.clock.now(), correlation, numbering).batch(folders, news)
    # What is told is saved beside a mirror; where folders went and nothing else happened, beside that of the main one.
    beside = news.saved or [(main, mirror) for mirror in [main.mirror(())] if mirror and batch.size]
    await book.tell(batch, beside, [each for each in gone if each.told], correlation)


@dataclass(frozen=True, slots=True)
class Teller:
    """Puts what was found in *account* at *seen* into words; *numbering* is the UIDVALIDITY of each folder."""

    account: Account
    seen: datetime
    correlation: str
    numbering: Mapping[str, int]

    def batch(self, folders: Iterable[Folder], news: News) -> ChangeBatch:
        """Returns the *news* of *folders* as the queue carries them."""
        events = [self.removed(each.folder, each.told.uidvalidity) for each in folders if each.gone and each.told]
        for each, mirror in news.saved:
            if each.told is None and not each.before:
                events.append(self.made(each.folder, mirror.uidvalidity))
        events += [self.reset(each.folder, reset.former, self.numbering[each.path]) for each, reset in news.resets]
        changes = [*self.moves(news.sorted.moved), *self.others(news.sorted.told)]
        for mirror, finds in news.reflagged:
            changes += self.flags(mirror, finds)
        return ChangeBatch(changes=tuple(changes), account_events=tuple(events))

    def moves(self, moved: Iterable[Moved]) -> Iterator[Change]:
        """Yields each message that is in another folder now, under its new id."""
        for each in moved:
            changed = each.went.find.flags != each.came.find.flags
            yield self._change(
                ChangeKind.MOVED,
                self._id(each.came),
                former=self._id(each.went),
                flags=_flags(each.came.find.flags) if changed else None,
                former_flags=_flags(each.went.find.flags) if changed else None,
            )

    def others(self, told: Iterable[Noted]) -> Iterator[Change]:
        """Yields arrivals and departures that are no moves."""
        for each in told:
            yield self._change(
                ChangeKind.CREATED if isinstance(each.find, Arrived) else ChangeKind.DELETED, self._id(each)
            )

    def flags(self, mirror: Mirror, finds: Iterable[Reflagged]) -> Iterator[Change]:
        """Yields the messages of a folder whose flags changed."""
        folder = folder_id(mirror.path)
        for find in finds:
            yield self._change(
                ChangeKind.UPDATED,
                message_id(folder, mirror.uidvalidity, find.uid),
                version=find.version,
                flags=_flags(find.flags),
                former_flags=_flags(find.former),
            )

    def made(self, folder: ImapFolder, uidvalidity: int) -> AccountEvent:
        """Returns that a folder is there that was not."""
        data = {**_named(folder), "uidValidity": str(uidvalidity)}
        return self._event(EventName.MAILBOX_NEW, f"{folder_id(folder.path)}/{uidvalidity}", data)

    def removed(self, folder: ImapFolder, uidvalidity: int) -> AccountEvent:
        """Returns that a folder is not there any more."""
        return self._event(EventName.MAILBOX_DELETED, f"{folder_id(folder.path)}/{uidvalidity}", _named(folder))

    def reset(self, folder: ImapFolder, former: int, now: int) -> AccountEvent:
        """Returns that a folder numbers its messages anew."""
        data = {
            **_named(folder),
            "uidValidity": str(now),
            "prevUidValidity": str(former),
            "reason": "uidValidityChange",
        }
        return self._event(EventName.MAILBOX_RESET, f"{folder_id(folder.path)}/{former}/{now}", data)

    def _id(self, noted: Noted) -> str:
        return message_id(folder_id(noted.folder), self.numbering[noted.folder], noted.find.uid)

    def _change(self, kind: ChangeKind, message: str, **more: Any) -> Change:
        return Change(
            account=self.account.key,
            kind=kind,
            message=message,
            seen=self.seen,
            exact=True,
            correlation=self.correlation,
            **more,
        )

    def _event(self, name: EventName, version: str, data: dict[str, Any]) -> AccountEvent:
        return account_event(self.account, name, f"{self.account.incarnation}/{version}", self.seen, data)


def _flags(bits: int) -> tuple[str, ...]:
    return tuple(sorted(names(bits)))


def _named(folder: ImapFolder) -> dict[str, Any]:
    name = folder.path.rpartition(folder.delimiter)[2] if folder.delimiter else folder.path
    return {"path": folder.path, "name": name, "specialUse": folder.role or False}
