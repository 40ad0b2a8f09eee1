"""Sweeps: what a look at a mailbox finds beyond what was told."""

from datetime import datetime, timedelta

import pytest

from shared.domain.changes import ChangeKind
from shared.domain.messages import Message
from shared.domain.sightings import Sighting
from shared.domain.sweeps import ON_ITS_WAY, Found, compare, removals
from tests.factories import MESSAGE, a_change, a_message, a_sighting, an_account
from tests.fakes.clock import START

KEY = an_account().key
NOW = START + timedelta(hours=1)
WATCHED_SINCE = START - timedelta(days=1)
FORGOTTEN = START - timedelta(hours=12)
FOUND = a_change(seen=NOW, found=True)


def look(message: Message, known: Sighting | None = None) -> Found:
    """Return what a look finds at which *message* is there."""
    sightings = {} if known is None else {message.id: known}
    return compare(
        KEY,
        [message],
        sightings,
        now=NOW,
        watched_since=WATCHED_SINCE,
        forgotten_before=FORGOTTEN,
        patience=ON_ITS_WAY,
    )


def untouched(moment: datetime) -> Message:
    """Return a message that came at a moment and was left alone."""
    return a_message(received=moment, created=moment, modified=moment)


def test_an_arrival_that_nobody_announced_is_found() -> None:
    """A message that we never heard of is an arrival, and counts as one that should have been announced."""
    assert look(a_message()) == Found((FOUND,), unannounced=1)


@pytest.mark.parametrize(
    ("received", "found"),
    [
        (NOW - ON_ITS_WAY + timedelta(seconds=1), False),
        (NOW - ON_ITS_WAY, True),
        (WATCHED_SINCE, True),
        (WATCHED_SINCE - timedelta(seconds=1), False),
    ],
)
def test_what_is_on_its_way_or_old_is_no_find(received: datetime, *, found: bool) -> None:
    """A young arrival is left to its notification, and one from before our watch is no news."""
    assert bool(look(untouched(received)).changes) is found


@pytest.mark.parametrize(("received", "arrivals"), [(FORGOTTEN, 1), (FORGOTTEN - timedelta(seconds=1), 0)])
def test_what_was_forgotten_is_no_arrival(received: datetime, arrivals: int) -> None:
    """Mail so old that what we knew of it was purged may have changed, and did not come unannounced."""
    found = look(a_message(received=received, created=received))
    kind = ChangeKind.CREATED if arrivals else ChangeKind.UPDATED
    assert ([change.kind for change in found.changes], found.unannounced) == ([kind], arrivals)


@pytest.mark.parametrize(
    ("modified", "found"),
    [
        (WATCHED_SINCE - timedelta(seconds=1), False),
        (WATCHED_SINCE, True),
        (NOW - ON_ITS_WAY, True),
        (NOW - ON_ITS_WAY + timedelta(seconds=1), False),
    ],
)
def test_old_mail_is_news_once_it_is_modified(modified: datetime, *, found: bool) -> None:
    """Mail from before our watch that was modified since is looked at; who knows whether Graph should have told it."""
    came = WATCHED_SINCE - timedelta(days=400)
    updates = (a_change(kind=ChangeKind.UPDATED, seen=NOW, found=True),) if found else ()
    assert look(a_message(received=came, created=came, modified=modified)) == Found(updates, unannounced=0)


def test_imported_mail_is_an_arrival() -> None:
    """Mail that was received years ago and put into the mailbox since we watch came when it was put there."""
    assert look(a_message(received=WATCHED_SINCE - timedelta(days=400))) == Found((FOUND,), unannounced=1)


@pytest.mark.parametrize("known", [a_sighting(flags=("\\Seen",)), a_sighting(folder="archive-id")])
@pytest.mark.parametrize(("ago", "silent"), [(ON_ITS_WAY, 1), (ON_ITS_WAY - timedelta(seconds=1), 0)])
def test_a_message_that_is_another_now_is_found(known: Sighting, ago: timedelta, silent: int) -> None:
    """Other flags, or another folder, are a change, which Graph should have announced unless it is very young."""
    update = a_change(kind=ChangeKind.UPDATED, seen=NOW, found=True)
    assert look(a_message(modified=NOW - ago), known) == Found((update,), unannounced=silent)


def test_what_is_known_as_it_is_is_no_find() -> None:
    """A message that is as we know it comes to nothing, though it was modified: by us, or by an echo."""
    assert look(a_message(modified=NOW - timedelta(minutes=9)), a_sighting()) == Found((), unannounced=0)


def test_what_left_a_folder_is_looked_at() -> None:
    """A message that left a folder may be gone or elsewhere: it is read as one that was called deleted."""
    assert removals(KEY, [MESSAGE, "other"], now=NOW) == (
        a_change(kind=ChangeKind.DELETED, seen=NOW, found=True),
        a_change(kind=ChangeKind.DELETED, seen=NOW, found=True, message="other"),
    )
