"""Meanings: whether an arrival is new is known to its sighting, its delivery, or this process."""

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.accounts import Account
from shared.domain.changes import AGAIN, NOTHING, ChangeKind, Meaning
from shared.domain.events import EventName, event_id
from shared.domain.messages import ContentRules, Message
from shared.services.meanings import PATIENCE, Meanings
from shared.services.subjects import Subject
from tests.factories import a_change, a_message
from tests.shared.services.world import World

MESSAGE = a_message()


@pytest.fixture(autouse=True)
def anna(world: World) -> Account:
    """Return a connected account."""
    return world.connected()


def meaning(world: World, meanings: Meanings, message: Message = MESSAGE, **change: Any) -> Meaning:
    """Return what a change of the message means, by default its arrival."""
    subject = Subject(world.account(), message.id)
    subject.add(a_change(account=subject.account.key, message=message.id, **change))
    return meanings.of(subject, message, ContentRules(), redelivered=False)


def test_an_arrival_that_nobody_knows_is_new(world: World) -> None:
    """Without a sighting, and told by nobody, an arrival is a new message."""
    assert meaning(world, world.process().changes.meanings).event is EventName.MESSAGE_NEW


def test_an_arrival_in_the_hand_of_another_thread_is_looked_at_again(world: World) -> None:
    """While another thread tells it, what this change means cannot be said yet."""
    meanings = world.process().changes.meanings
    meanings.recent.begin(event_id(world.account().key, MESSAGE.id, EventName.MESSAGE_NEW, ""))
    assert meaning(world, meanings) == AGAIN


def test_what_was_noted_is_new_no_more(world: World) -> None:
    """A change of a message whose arrival was told and noted is an update of it."""
    world.reader.keep(MESSAGE)
    world.process().expand(a_change(account=world.account().key, message=MESSAGE.id))
    read = replace(MESSAGE, flags=frozenset({"\\Flagged"}))
    said = meaning(world, world.process().changes.meanings, read, kind=ChangeKind.UPDATED)
    assert (said.event, said.data and said.data["changes"]) == (
        EventName.MESSAGE_UPDATED,
        {"flags": {"added": ["\\Flagged"], "value": ["\\Flagged"]}},
    )


@pytest.mark.parametrize("exact", [False, True])
def test_what_was_told_and_went_is_not_missing(world: World, *, exact: bool) -> None:
    """An arrival that is announced again, and gone by then, is missing only if nobody told of it."""
    meanings = world.process().changes.meanings
    subject = Subject(world.account(), MESSAGE.id)
    subject.add(a_change(account=subject.account.key, message=MESSAGE.id, exact=exact, looks=PATIENCE))
    untold = meanings.of(subject, None, ContentRules(), redelivered=False)
    world.reader.keep(MESSAGE)
    world.process().expand(a_change(account=world.account().key, message=MESSAGE.id))
    told = meanings.of(subject, None, ContentRules(), redelivered=False)
    assert (untold.event, told) == (EventName.MESSAGE_MISSING, NOTHING)
