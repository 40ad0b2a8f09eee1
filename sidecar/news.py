"""
News: what all watched folders of a mailbox together say, found by comparing what was told with what is.

Pure: whoever watches gives the folders as they are, and learns what to tell, and what to look at again before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.domain.imap_moves import Noted, Sorted, sort_out
from shared.domain.mirrors import Arrived, Find, Gone, Mirror, Reflagged, Reset, after, baseline, compare
from sidecar.imap.folders import ImapFolder
from sidecar.imap.responses import Counts

_NOW = timedelta()


@dataclass(eq=False, slots=True)
class Folder:
    """
    A watched folder: what was `told` of it and is stored under `etag`, and what is there `now`.

    Nothing was told of one that is new; what is in it came while we watched, unless it was there `before`. A folder
    that is `gone` keeps what was there; one that is `dated` is saved even where nothing happened in it. `status` is
    what the server counted before we last looked.
    """

    folder: ImapFolder
    told: Mirror | None
    etag: str | None
    now: Mirror | None
    before: bool = False
    gone: bool = False
    dated: bool = False
    status: Counts | None = None

    @property
    def path(self) -> str:
        """The folder's path."""
        return self.folder.path

    @property
    def stirred(self) -> bool:
        """Tells whether there is something to tell, or to save."""
        return self.gone or self.dated or (self.now is not None and self.now is not self.told)

    def finds(self) -> list[Find]:
        """Returns what happened since something was told."""
        if self.gone:
            # The folder's own event says that these went; here they are what may have been moved.
            told = self.told
            return [] if told is None else list(map(Gone, told.uids, told.flags, told.prints))
        if self.now is None or self.now is self.told or (self.told is None and self.before):
            return []
        return compare(self.told or _empty(self.now), self.now)

    def mirror(self, finds: Sequence[Find]) -> Mirror | None:
        """Returns what to save with *finds*."""
        return self.now and after(self.now, finds, self.told or _empty(self.now))


@dataclass(slots=True)
class News:
    """What is to be told: moves, other arrivals and departures, new flags and new numberings by folder."""

    sorted: Sorted
    reflagged: list[tuple[Mirror, list[Reflagged]]] = field(default_factory=list)
    resets: list[tuple[Folder, Reset]] = field(default_factory=list)
    saved: list[tuple[Folder, Mirror]] = field(default_factory=list)

    @property
    def held_back(self) -> list[Noted]:
        """Arrivals that may be moves whose departure is not seen yet."""
        return [each for each in self.sorted.waiting if isinstance(each.find, Arrived)]


def news_of(folders: Sequence[Folder], now: datetime, *, window: timedelta = _NOW) -> News:
    """Returns what the *folders* say; with a *window*, what may become a move waits."""
    noted: list[Noted] = []
    news = News(Sorted())
    for each in folders:
        if not each.stirred:
            continue
        finds = each.finds()
        noted += [Noted(each.path, find, now) for find in finds if isinstance(find, Arrived | Gone)]
        reflagged = [find for find in finds if isinstance(find, Reflagged)]
        if each.now and reflagged:
            news.reflagged.append((each.now, reflagged))
        news.resets += [(each, find) for find in finds if isinstance(find, Reset)]
        wanted = finds or each.told is None or each.dated
        if wanted and not each.gone and (mirror := each.mirror(finds)):
            news.saved.append((each, mirror))
    holders = _holders(folders, {each.find.fingerprint for each in noted if isinstance(each.find, Arrived)})
    news.sorted = sort_out(
        noted,
        held_elsewhere=lambda path, fingerprint: bool(holders.get(fingerprint, set()) - {path}),
        now=now,
        window=window,
        folders=len(folders),
    )
    gone = {each.path for each in folders if each.gone}
    news.sorted.told = [each for each in news.sorted.told if each.folder not in gone]
    return news


def _holders(folders: Sequence[Folder], wanted: set[int]) -> dict[int, set[str]]:
    holders: dict[int, set[str]] = {}
    for each in folders:
        if wanted and each.now is not None and not each.gone:
            for fingerprint in wanted.intersection(each.now.prints):
                holders.setdefault(fingerprint, set()).add(each.path)
    return holders


def _empty(now: Mirror) -> Mirror:
    return baseline(now.path, now.uidvalidity, 1, ())
