"""Folders: listing, opening, counting, making and removing them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sidecar.imap.connection import Answer, Connection
from sidecar.imap.names import quoted
from sidecar.imap.responses import Counts, Listed, count_of, listed_of, status_of

INBOX = "INBOX"
TRASH = "\\Trash"
SENT = "\\Sent"

_ROLES = ("\\Sent", "\\Trash", "\\Drafts", "\\Junk", "\\Archive", "\\All", "\\Flagged")
# Exchange names the folders it makes in the language of the mailbox's first sign-in, and tells no special use.
_WELL_KNOWN = {
    "\\Sent": (
        "sent items,sent,gesendete elemente,gesendete objekte,éléments envoyés,elementos enviados,posta inviata,"
        "verzonden items,itens enviados,skickat,skickade objekt,sendte elementer,sendt post,lähetetyt,"
        "elementy wysłane,odeslaná pošta,отправленные,送信済みアイテム,已发送邮件,보낸 편지함,saadetud üksused"
    ),
    "\\Trash": (
        "deleted items,trash,deleted messages,gelöschte elemente,gelöschte objekte,éléments supprimés,"
        "elementos eliminados,posta eliminata,verwijderde items,itens excluídos,itens eliminados,borttaget,"
        "borttagna objekt,slettede elementer,slettet post,poistetut,elementy usunięte,odstraněná pošta,удаленные,"
        "削除済みアイテム,已删除邮件,지운 편지함,kustutatud üksused"
    ),
    "\\Drafts": (
        "drafts,entwürfe,brouillons,borradores,bozze,concepten,rascunhos,utkast,kladder,luonnokset,wersje robocze,"
        "koncepty,черновики,下書き,草稿,임시 보관함,mustandid"
    ),
    "\\Junk": (
        "junk email,junk e-mail,junk,spam,junk-e-mail,courrier indésirable,correo no deseado,posta indesiderata,"
        "ongewenste e-mail,lixo eletrônico,lixo,skräppost,søppelpost,uønsket post,roskaposti,wiadomości-śmieci,"
        "nevyžádaná pošta,нежелательная почта,迷惑メール,垃圾邮件,정크 메일,rämpspost"
    ),
    "\\Archive": (
        "archive,archiv,archives,archivo,archivio,archief,arquivo,arquivo morto,arkiv,arkisto,archiwum,архив,"
        "アーカイブ,存档,보관,arhiiv"
    ),
}
_ROLE_OF = {name: role for role, known in _WELL_KNOWN.items() for name in known.split(",")}
_NUMBER = re.compile(rb"^\[?(UIDVALIDITY|UIDNEXT) (\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ImapFolder:
    """A folder: its path as the server writes it, and its special use, where it tells one or its name does."""

    path: str
    delimiter: str
    role: str | None
    selectable: bool = True


@dataclass(frozen=True, slots=True)
class Opened:
    """What the server says of a folder that it opened; `uidnext` is None where it does not say."""

    exists: int
    uidvalidity: int
    uidnext: int | None


async def list_folders(connection: Connection) -> list[ImapFolder]:
    """Returns every folder of the mailbox; the role goes to the outermost folder that could have it."""
    answer = await connection.run(b'LIST "" "*"')
    return with_roles(listed for response in answer.untagged if (listed := listed_of(response)))


def with_roles(listed: Iterable[Listed]) -> list[ImapFolder]:
    """Returns the folders with their special uses: what the server says, else what their names say."""
    folders = sorted(listed, key=lambda each: (each.path.count(each.delimiter or "/"), each.path))
    said = {each.path: role for each in folders if (role := _said(each))}
    taken = set(said.values())
    for each in folders:
        role = _ROLE_OF.get(each.path.rpartition(each.delimiter or "/")[2].casefold())
        if each.path not in said and role and role not in taken:
            said[each.path] = role
            taken.add(role)
    return [
        ImapFolder(
            path=each.path,
            delimiter=each.delimiter,
            role="\\Inbox" if each.path == INBOX else said.get(each.path),
            selectable=not {"\\noselect", "\\nonexistent"} & {name.casefold() for name in each.attributes},
        )
        for each in folders
    ]


async def open_folder(connection: Connection, path: str, *, writable: bool = False) -> Opened:
    """Opens a folder, for looking only unless it is to be *writable*."""
    command = b"SELECT " if writable else b"EXAMINE "
    answer = await connection.run(command + quoted(path))
    counts = [count for response in answer.untagged if (count := count_of(response)) and not count.gone]
    numbers = _numbers(answer)
    return Opened(counts[-1].number if counts else 0, numbers.get(b"UIDVALIDITY", 0), numbers.get(b"UIDNEXT"))


async def folder_status(connection: Connection, path: str) -> Counts:
    """Returns what the server counts in a folder; of the one that is open they may be stale."""
    answer = await connection.run(b"STATUS " + quoted(path) + b" (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)")
    return next((numbers for response in answer.untagged if (numbers := status_of(response))), Counts())


async def create_folder(connection: Connection, path: str) -> None:
    """Makes a folder, with those above it."""
    await connection.run(b"CREATE " + quoted(path))


async def delete_folder(connection: Connection, path: str) -> None:
    """Removes a folder with its mail."""
    await connection.run(b"DELETE " + quoted(path))


def _said(listed: Listed) -> str | None:
    attributes = {name.casefold() for name in listed.attributes}
    return next((role for role in _ROLES if role.casefold() in attributes), None)


def _numbers(answer: Answer) -> dict[bytes, int]:
    statuses = [response.status for response in answer.untagged if response.text[:3].upper() == b"OK "]
    found = (_NUMBER.match(status.code) for status in [*statuses, answer.status] if status)
    return {number.group(1).upper(): int(number.group(2)) for number in found if number}
