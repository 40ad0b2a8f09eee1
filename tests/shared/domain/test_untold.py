"""What may not be told yet stands beside its mirror, in few bytes."""

from secrets import token_hex

from shared.domain.changes import ChangeBatch, ChangeKind, account_event
from shared.domain.events import EventName
from shared.domain.imap_ids import folder_id, message_id
from shared.domain.untold import ROOM, pack_untold, unpack_untold
from tests.contracts.newer import newer
from tests.factories import a_change, an_account
from tests.fakes.clock import START


def test_it_comes_back_as_it_was() -> None:
    """Changes and events come back with all that they say: names that are no text, and what only a newer one knows."""
    made = account_event(an_account(), EventName.MAILBOX_NEW, "v", START, {"path": "lone \ud800", "specialUse": False})
    batch = newer(ChangeBatch(changes=(a_change(exact=True, flags=("\\Seen",)),), account_events=(made,)))
    packed = pack_untold(batch)
    assert packed is not None
    assert unpack_untold(packed) == batch


def test_thousands_of_changes_fit() -> None:
    """A whole folder's flags fit into a property; what does not is not packed."""
    change = a_change(kind=ChangeKind.UPDATED, exact=True, version="1-1", flags=("\\Seen",), former_flags=())
    uids = (uid for uid in range(1, 7_000) if uid % 7 in {1, 3, 4})
    many = (change.model_copy(update={"message": message_id(folder_id("INBOX"), 1, uid)}) for uid in uids)
    assert pack_untold(ChangeBatch(changes=tuple(many)))
    assert pack_untold(ChangeBatch(changes=(a_change(message=token_hex(ROOM)),))) is None
