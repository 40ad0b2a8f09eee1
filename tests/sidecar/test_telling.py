"""What was found, in the words of changes and events."""

import pytest

from shared.domain.imap_ids import folder_id, message_id
from shared.domain.imap_moves import Moved, Noted
from shared.domain.mirrors import Arrived, Gone
from sidecar.imap.folders import ImapFolder
from sidecar.telling import Teller
from tests.factories import an_account
from tests.fakes.clock import START

TELLER = Teller(an_account(), START, "correlation", {"INBOX": 7, "B": 8})


@pytest.mark.parametrize(("before", "flags"), [(1, None), (0, ())], ids=["same flags", "read on the way"])
def test_a_move_has_both_ids(before: int, flags: tuple[str, ...] | None) -> None:
    """A move names the message by its new id, and the former one; flags only where they changed on the way."""
    moved = Moved(Noted("INBOX", Gone(1, before, 5), START), Noted("B", Arrived(2, 1, 5), START))
    (change,) = TELLER.moves([moved])
    assert change.message == message_id(folder_id("B"), 8, 2)
    assert change.former == message_id(folder_id("INBOX"), 7, 1)
    assert change.former_flags == flags


def test_events_of_folders_repeat_under_one_id() -> None:
    """The same folder made, removed or renumbered is the same event; another numbering of it is another."""
    folder = ImapFolder("Projects/2026", "/", None)
    first, again, later = (TELLER.made(folder, number).as_event().id for number in (1, 1, 2))
    assert first == again != later
    assert TELLER.removed(folder, 1).data == {"path": "Projects/2026", "name": "2026", "specialUse": False}
    sent = TELLER.reset(ImapFolder("Sent", "", "\\Sent"), 1, 2).data
    assert sent == {
        "path": "Sent",
        "name": "Sent",
        "specialUse": "\\Sent",
        "uidValidity": "2",
        "prevUidValidity": "1",
        "reason": "uidValidityChange",
    }
