"""What the internal API does, one method for each call: models of the wire in, models of the wire out."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from shared.adapters.sidecar import wire
from shared.domain.errors import RelayError, TryLater
from shared.domain.mailboxes import Registration
from shared.ports.microsoft365 import NotThere
from sidecar.imap.errors import Refusal, as_relay_error
from sidecar.open_mailbox import OpenMailbox
from sidecar.pool import Pool
from sidecar.sending import send

# What the other mailboxes of a call wait for at most.
_MAILBOX_SECONDS = 40.0


class MailService:
    """Mail of any account, through the connections of *pool*."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def read(self, asked: wire.ReadMany) -> wire.Readings:
        """Reads messages, those of each mailbox one after the other; what concerns one mailbox stays with it."""
        by_mailbox: dict[Registration, list[int]] = {}
        for index, request in enumerate(asked.requests):
            by_mailbox.setdefault(_registration(request), []).append(index)
        answers = [wire.OneReading(error=_later("The message was not read."))] * len(asked.requests)
        await asyncio.gather(
            *(self._read(registration, asked.requests, mine, answers) for registration, mine in by_mailbox.items())
        )
        return wire.Readings(readings=tuple(answers))

    async def folders(self, asked: wire.FoldersAsked) -> wire.Tree:
        """Lists the folders of a mailbox."""
        async with self._open(asked) as mailbox:
            return wire.Tree(tree=await mailbox.tree())

    async def messages(self, asked: wire.ListAsked) -> wire.Listed:
        """Lists messages of a folder."""
        async with self._open(asked) as mailbox:
            below = int(asked.page) if asked.page else None
            page = await mailbox.page(asked.folder, limit=asked.limit, below=below)
        return wire.Listed(messages=tuple(page.messages), total=page.total, next=page.next)

    async def flag(self, asked: wire.FlagAsked) -> wire.Placed:
        """Sets and clears flags."""
        async with self._open(asked) as mailbox:
            await mailbox.flag(asked.message, add=asked.add, remove=asked.remove)
        return wire.Placed(message=asked.message)

    async def move(self, asked: wire.MoveAsked) -> wire.Placed:
        """Moves a message."""
        async with self._open(asked) as mailbox:
            return wire.Placed(message=await mailbox.move(asked.message, asked.folder))

    async def delete(self, asked: wire.DeleteAsked) -> wire.Placed:
        """Deletes a message."""
        async with self._open(asked) as mailbox:
            return wire.Placed(message=await mailbox.delete(asked.message, for_good=asked.for_good))

    async def append(self, asked: wire.AppendAsked) -> wire.Placed:
        """Adds a message."""
        async with self._open(asked) as mailbox:
            placed = await mailbox.append(asked.folder, asked.content, flags=asked.flags, received=asked.received)
        return wire.Placed(message=placed)

    async def send(self, asked: wire.SendAsked) -> wire.Sent:
        """Sends a message."""
        return await send(self._pool, await self._pool.tenant(_registration(asked)), asked)

    async def make_folder(self, asked: wire.FolderAsked) -> wire.Placed:
        """Makes a folder."""
        async with self._open(asked) as mailbox:
            await mailbox.make_folder(asked.path)
        return wire.Placed()

    async def remove_folder(self, asked: wire.FolderAsked) -> wire.Placed:
        """Removes a folder."""
        async with self._open(asked) as mailbox:
            await mailbox.remove_folder(asked.path)
        return wire.Placed()

    @asynccontextmanager
    async def _open(self, asked: wire.Asked) -> AsyncIterator[OpenMailbox]:
        async with self._pool.open(await self._pool.tenant(_registration(asked))) as mailbox:
            yield mailbox

    async def _read(
        self,
        registration: Registration,
        requests: Sequence[wire.ReadOne],
        mine: Sequence[int],
        answers: list[wire.OneReading],
    ) -> None:
        left = list(mine)
        try:
            async with (
                asyncio.timeout(_MAILBOX_SECONDS),
                self._pool.open(await self._pool.tenant(registration)) as mailbox,
            ):
                while left:
                    answers[left[0]] = await _read_one(mailbox, requests[left[0]])
                    left.pop(0)
        except (Refusal, RelayError) as failed:
            _fill(answers, left, refused_of(failed))
        except TimeoutError:
            _fill(answers, left, _later("The mail server is too slow just now."))


async def _read_one(mailbox: OpenMailbox, asked: wire.ReadOne) -> wire.OneReading:
    try:
        reading = await mailbox.read(asked.message, complete=asked.complete, text_bytes=asked.text_bytes)
    except Refusal as refused:
        if mailbox.connection.ended:
            raise
        return wire.OneReading(error=refused_of(refused))
    return wire.OneReading(not_there=True) if isinstance(reading, NotThere) else wire.OneReading(message=reading)


def refused_of(failed: Refusal | RelayError) -> wire.Refused:
    """Returns what went wrong as the function app is told; a mail server's refusal keeps its code and its mend."""
    if isinstance(failed, RelayError):
        return wire.Refused.of(failed)
    told = wire.Refused.of(as_relay_error(failed))
    return told.model_copy(update={"code": failed.code.value, "mend": failed.mend})


def _later(message: str) -> wire.Refused:
    return wire.Refused.of(TryLater(message))


def _fill(answers: list[wire.OneReading], where: Sequence[int], refused: wire.Refused) -> None:
    for index in where:
        answers[index] = wire.OneReading(error=refused)


def _registration(asked: wire.Asked) -> Registration:
    return Registration(asked.account, asked.incarnation)
