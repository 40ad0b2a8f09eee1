"""What happens to a relay, as the searches begin with it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

from shared.domain.accounts import account_key
from shared.domain.changes import AccountEvent, Change, ChangeBatch, ChangeKind
from shared.domain.deliveries import DeliveryState
from shared.domain.events import EventName, event_id
from shared.domain.instance_settings import InstanceSettingsChange
from shared.domain.sightings import Sighting, sighting_key
from tests.factories import HOOK, a_message, an_account
from tests.fakes.clock import START
from tests.faults.model import FAILING, FULL, GONE, REFUSED, Situation
from tests.shared.services.world import OWN, Process, World

ANNA = account_key("anna")
BEN = account_key("ben")
BENS_HOOK = an_account("ben").webhook


def told(account: str, kind: ChangeKind, message: str) -> ChangeBatch:
    """Return what one notification says."""
    return ChangeBatch(changes=(Change(account=account, kind=kind, message=message, seen=START),))


def arrived(webhook: str, account: str, message: str) -> tuple[str, str]:
    """Return the delivery of a message's arrival."""
    return webhook, event_id(account, message, EventName.MESSAGE_NEW, "")


def world(*, disabled: str | None = None, url: str = HOOK, known: bool = False) -> Callable[[], World]:
    """Return what makes a relay with two mailboxes, one of them with a webhook of its own."""

    def make() -> World:
        made = World()
        made.furnish()
        made.hook("default", url, disabled=disabled)
        ben = made.connected("ben", webhooks=OWN)
        made.hook(ben.webhook, OWN)
        made.connected("anna")
        mail = a_message(id="m1")
        made.reader.keep(mail, a_message(id="m2"))
        if known:
            place = sighting_key(ANNA, mail.id, mail.received)
            made.sightings.put({place: Sighting.of(a_message(id="m1", flags=frozenset({"\\Answered"})))})
        return made

    return make


def set_url(url: str | None) -> Callable[[Process], None]:
    """Return an operator's request for another URL, or for none."""
    return lambda process: process.settings.change(InstanceSettingsChange(webhooks=url)) and None


def resend(process: Process) -> None:
    """Ask once more for the arrival of the first mail."""
    webhook, event = arrived("default", ANNA, "m1")
    moment = int(a_message(id="m1").received.timestamp() * 1000)
    process.replays.resend(f"{moment}_{webhook}_{event}")


ARRIVAL = told(ANNA, ChangeKind.CREATED, "m1")
ARRIVED = frozenset({arrived("default", ANNA, "m1")})
A_MAIL: dict[str, Any] = {"world": world(), "batches": (ARRIVAL,), "expected": ARRIVED}

ONE_MAIL = Situation(**A_MAIL)
TWO_WEBHOOKS = Situation(
    world=world(),
    batches=(ChangeBatch(changes=(*ARRIVAL.changes, *told(BEN, ChangeKind.CREATED, "m2").changes)),),
    expected=ARRIVED | {arrived(BENS_HOOK, BEN, "m2")},
    answers=(REFUSED,),
)
STUBBORN = Situation(**A_MAIL, answers=(REFUSED, FULL), retries=2)
DEAD = Situation(**A_MAIL, usual=FAILING, answers=())
LONG_DEAD = replace(DEAD, retries=2)
GONE_FOR_EVER = Situation(**A_MAIL, answers=(REFUSED, GONE))
ENABLED = Situation(**{**A_MAIL, "world": world(disabled="It answered 410.")}, requests=(set_url(HOOK),), again=1)
REMOVED = Situation(**A_MAIL, requests=(set_url(None),))
NO_URL = Situation(**{**A_MAIL, "world": world(url="")})
RESENT = Situation(**A_MAIL, requests=(resend,), again=1)
TOLD_TWICE = Situation(**{**A_MAIL, "batches": (ARRIVAL, told(ANNA, ChangeKind.CREATED, "m1"))}, again=1)
ONE_PROCESS = Situation(**A_MAIL, shared_memory=True)
TOLD_TWICE_TO_ONE = replace(TOLD_TWICE, shared_memory=True)
FLAGGED = Situation(
    world=world(known=True),
    batches=(told(ANNA, ChangeKind.UPDATED, "m1"),),
    expected=frozenset({("default", event_id(ANNA, "m1", EventName.MESSAGE_UPDATED, a_message(id="m1").change_key))}),
)
ADDED = AccountEvent(
    account=ANNA,
    account_id="anna",
    incarnation="incarnation-1",
    event=EventName.ACCOUNT_ADDED,
    version="",
    at=START - timedelta(minutes=1),
    data={},
)
REGISTERED = Situation(
    world=world(),
    batches=(ChangeBatch(account_events=(ADDED,)),),
    expected=frozenset({("default", event_id(ANNA, "incarnation-1", EventName.ACCOUNT_ADDED, ""))}),
)

DELIVERED, FAILED = DeliveryState.DELIVERED, DeliveryState.FAILED
PARKED, DISCARDED = DeliveryState.PARKED, DeliveryState.DISCARDED


class Search(NamedTuple):
    """A situation, the ends that it must be able to come to, and the faults: in the test suite, and in `make prove`."""

    situation: Situation
    ends: set[DeliveryState]
    faults: int = 2
    most: int = 3


SEARCHES = {
    "one mail": Search(ONE_MAIL, {DELIVERED, FAILED}),
    "two webhooks in one batch": Search(TWO_WEBHOOKS, {DELIVERED, FAILED}, most=2),
    "a stubborn or busy endpoint": Search(STUBBORN, {DELIVERED}),
    "a dead endpoint": Search(DEAD, {FAILED}, most=2),
    "an endpoint that is long dead": Search(LONG_DEAD, {FAILED}, faults=1, most=2),
    "an endpoint that is gone": Search(GONE_FOR_EVER, {DELIVERED, FAILED, PARKED}),
    "a disabled webhook that is enabled": Search(ENABLED, {DELIVERED, PARKED}, faults=1, most=1),
    "a webhook that is removed": Search(REMOVED, {DELIVERED, FAILED, DISCARDED}, most=2),
    "a webhook without a URL": Search(NO_URL, {DISCARDED}),
    "a delivery that is resent": Search(RESENT, {DELIVERED}, faults=1, most=2),
    "a mail that is told twice": Search(TOLD_TWICE, {DELIVERED}, faults=1, most=2),
    "two workers of one process": Search(ONE_PROCESS, {DELIVERED}, faults=1, most=2),
    "a mail that is told twice to one process": Search(TOLD_TWICE_TO_ONE, {DELIVERED}, faults=0, most=1),
    "a mail that is flagged": Search(FLAGGED, {DELIVERED, FAILED}),
    "an account that is registered": Search(REGISTERED, {DELIVERED, FAILED}),
}
