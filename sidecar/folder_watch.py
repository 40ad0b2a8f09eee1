"""
Watching one folder on one connection: what came, went and changed, without CONDSTORE.

A folder is brought up to date with few commands, and then followed line by line. What is told of it is always the
difference between two mirrors, so it does not matter how it was learned, how often, or how many steps it took.

* New mail: everything from the UID on that we have not seen yet.
* Departures: UIDs only grow, so `known + new - EXISTS` messages went, and only where that is not zero their UIDs are
  looked for. A folder in which nothing went costs nothing.
* Flags: told by the server while we listen, where it does; read again after every connect and now and then, always.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from shared.domain.mirrors import Find, Mirror, Seen, after, baseline, bits, compare, fingerprint
from shared.domain.sequence_maps import SequenceMap
from sidecar.imap.connection import IDLE_SECONDS, Connection
from sidecar.imap.folders import open_folder
from sidecar.imap.mail import fetch_brief, fetch_new, search_all, tell_flags
from sidecar.imap.responses import Brief, brief_of, count_of
from sidecar.imap.wire import Response

#: How many of the newest messages have their flags read again often; the others now and then.
NEWEST: Final = 1000
# A folder that changes in every round is busier than we are fast; what we know of it is told, and the rest next time.
_ROUNDS = 12
# How many messages are read in one go: what the server says of each takes a hundred times what we keep of it.
_SPAN = 5_000
# After the first line, more of the same bunch is on its way.
_BUNCH_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Finds:
    """What was found, and the mirror to save with it."""

    finds: tuple[Find, ...]
    mirror: Mirror


class FolderWatch:
    """
    The folder at *path* on *connection*, against the *mirror* of what was told of it (None for a folder new to us).

    One task at a time calls its methods, except `interrupt`. Every method raises the connection's Refusal.
    """

    def __init__(self, connection: Connection, path: str, mirror: Mirror | None) -> None:
        self._connection = connection
        self._path = path
        self._told = mirror
        self._map = SequenceMap(mirror or baseline(path, 0, 1, ()))
        self._uidnext = 1
        self._stirred = False
        self._flags_unknown = False
        self._fetching = False
        self._woken = asyncio.Event()
        self._interrupted = False
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def mirror(self) -> Mirror | None:
        """What has been told of the folder, or None where it was not opened yet."""
        return self._told

    async def open(self, *, newest: int | None = None) -> Finds:
        """
        Opens the folder, brings it up to date, and returns what happened since the mirror.

        Of a folder that has a mirror, the flags of the *newest* messages are read again, of all where it is None.

        A folder without a mirror brings no finds: what is there was there before. Nor does one that numbers its
        messages anew, but for one Reset.
        """
        # Until the folder is up to date, places mean nothing: lines only say how many there are, and that something is.
        self._map.in_step = False
        self._connection.feed = self._feed
        opened = await open_folder(self._connection, self._path)
        if self._told is None or self._told.uidvalidity != opened.uidvalidity:
            exists = self._map.exists
            self._map = SequenceMap(baseline(self._path, opened.uidvalidity, 1, ()))
            self._map.in_step = False
            self._map.exists = exists
            self._uidnext = opened.uidnext or 1
            await self._settle(newest=0)
            self._map.uidnext = max(self._map.uidnext, self._uidnext)
        else:
            await self._settle(newest=newest)
        return self._finds()

    async def refresh(self) -> Finds:
        """Returns what the lines that came say, after fetching what they leave open."""
        if not self._map.settled or self._flags_unknown:
            await self._settle(newest=0 if self._map.in_step else None)
        return self._finds()

    async def scan(self, *, newest: int | None = NEWEST) -> Finds:
        """Reads the flags of the *newest* messages again, of all where it is None, and returns what is found."""
        await self._settle(newest=newest)
        return self._finds()

    async def idle(self, seconds: float = IDLE_SECONDS) -> None:
        """Listens until something happens, `interrupt` is called, or *seconds* are over; then `refresh` tells."""
        if self._map.settled:
            await self._connection.idle(self._woken, seconds)
        self._interrupted = False
        self._calm()

    def interrupt(self) -> None:
        """Ends `idle`, or the next one, so that somebody else can use the connection."""
        self._interrupted = True
        self._woken.set()

    def _finds(self) -> Finds:
        # All lines so far are in what is told now.
        self._calm()
        told = self._told
        now = self._map.mirror(told.changes if told else 0)
        finds = tuple(compare(told, now)) if told else ()
        self._told = after(now, finds, told) if told else now
        return Finds(finds, self._told)

    async def _settle(self, newest: int | None) -> None:
        """Brings the map up to date; *newest* is of how many messages the flags are read again."""
        unsure = False
        for _ in range(_ROUNDS):
            self._stirred = False
            if not self._map.settled:
                await self._account_for_all(unsure=unsure)
            if newest != 0 or self._flags_unknown:
                self._flags_unknown = False
                await self._read_flags(newest if newest != 0 else NEWEST)
            # Lines in step are followed one by one. Else a round without any is proof: nothing runs between the last
            # line that was fed and this one, so from here on places are right.
            if self._map.exists == len(self._map) and (self._map.in_step or not self._stirred):
                self._map.in_step = True
                if not self._flags_unknown:
                    return
            unsure = self._stirred and not self._map.in_step

    async def _account_for_all(self, *, unsure: bool) -> None:
        """Fetches what is new and drops what went; *unsure* says that the numbers may be right by accident."""
        folder = self._map
        self._fetching = True
        try:
            if folder.uidnext > 1:
                folder.add(_seen(await fetch_new(self._connection, folder.uidnext)))
                plausible = len(folder) == folder.exists or (folder.in_step and self._stirred)
                if plausible and not unsure:
                    return
            # From here on the server may know of departures before it tells them.
            folder.in_step = False
            below = max(self._uidnext, folder.uidnext, 2)
            alive = await search_all(self._connection, exists=folder.exists, below=below)
            folder.keep(set(alive))
            missing = folder.missing(alive)
            for start in range(0, len(missing), _SPAN):
                folder.add(_seen(await fetch_brief(self._connection, missing[start : start + _SPAN])))
            # The server counts messages that it cannot show; without them, places would be wrong.
            folder.add([Seen(uid, 0) for uid in folder.missing(missing)])
        finally:
            self._fetching = False

    async def _read_flags(self, newest: int | None) -> None:
        # What comes is fed to the map as it comes; here it would be older than what was told meanwhile.
        for first, last in self._map.windows(self._map.newest(newest), _SPAN):
            await tell_flags(self._connection, first, last)

    def _feed(self, response: Response) -> None:
        folder = self._map
        count = count_of(response)
        if count and count.gone:
            # Whether it is among what is being fetched, nobody can tell.
            if self._fetching and count.number > len(folder):
                folder.in_step = False
            folder.saw_expunge(count.number)
            self._stir()
        elif count:
            if count.number != folder.exists:
                self._stir()
            folder.saw_exists(count.number)
        else:
            brief = brief_of(response)
            if brief and brief.flags is not None:
                self._feed_flags(brief, bits(brief.flags))

    def _feed_flags(self, brief: Brief, flags: int) -> None:
        folder = self._map
        if brief.uid is None and (not folder.in_step or brief.sequence > len(folder)):
            self._flags_unknown = True
            self._wake_soon()
        elif folder.saw_flags(brief.sequence, brief.uid, flags):
            self._wake_soon()

    def _stir(self) -> None:
        self._stirred = True
        self._wake_soon()

    def _wake_soon(self) -> None:
        if self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_later(_BUNCH_SECONDS, self._wake)

    def _wake(self) -> None:
        self._alarm = None
        self._woken.set()

    def _calm(self) -> None:
        if self._alarm:
            self._alarm.cancel()
            self._alarm = None
        if not self._interrupted:
            self._woken.clear()


def _seen(briefs: list[Brief]) -> list[Seen]:
    return [
        Seen(brief.uid, bits(brief.flags or ()), fingerprint(brief.received, brief.size))
        for brief in briefs
        if brief.uid is not None
    ]
