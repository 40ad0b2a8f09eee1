"""Which folders of a mailbox are watched, and which of them with a connection of their own."""

from collections.abc import Iterable, Sequence
from typing import Any

from sidecar.imap.folders import INBOX, ImapFolder

EVERYTHING = "*"
# Views of mail that is in other folders: watched, each message would be told twice.
_VIEWS = frozenset({"\\All", "\\Flagged"})


def chosen(folders: Iterable[ImapFolder], wanted: Any) -> list[ImapFolder]:
    """
    Returns the folders that an account's option `path` names, INBOX first.

    As in EmailEngine, `*` (or nothing) is every folder that can be opened, junk and trash too, and not a view of
    others; else paths, or special uses as the server writes them.
    """
    names = [EVERYTHING] if not wanted else [wanted] if isinstance(wanted, str) else list(wanted)
    open_ones = sorted((each for each in folders if each.selectable), key=lambda each: (each.path != INBOX, each.path))
    if EVERYTHING in names:
        return [each for each in open_ones if each.role not in _VIEWS]
    return named(open_ones, names)


def named(folders: Sequence[ImapFolder], names: Iterable[str]) -> list[ImapFolder]:
    """Returns the folders that *names* name, by path or by special use, each once."""
    wanted = {INBOX if name.upper() == INBOX else name for name in names}
    roles = {name.casefold() for name in wanted if name.startswith("\\")}
    return [each for each in folders if each.path in wanted or (each.role or "").casefold() in roles]
