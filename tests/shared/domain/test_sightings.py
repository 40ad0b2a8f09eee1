"""Sightings: what is remembered of a message, and where."""

import re
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.accounts import account_key
from shared.domain.sightings import Sighting, sighting_key
from tests.factories import MESSAGE, a_message, a_sighting
from tests.fakes.clock import START

KEY = account_key("anna")


def test_order_makes_no_difference() -> None:
    """Flags and labels are remembered sorted, so that another order is not another state."""
    one = Sighting.of(a_message(flags=frozenset({"\\Seen", "\\Flagged"}), labels=("b", "a")))
    assert one == a_sighting(flags=("\\Flagged", "\\Seen"), labels=("a", "b"))
    assert one.state == Sighting.of(a_message(folder="other", flags=frozenset(one.flags), labels=one.labels)).state


def test_a_sighting_is_kept_on_the_day_of_its_arrival() -> None:
    """The place follows from account, message and arrival, and stays whatever happens to the message."""
    key = sighting_key(KEY, MESSAGE, START)
    assert key == sighting_key(KEY, MESSAGE, START + timedelta(hours=1))
    assert key.day == "20260302"
    assert len({key, *(sighting_key(*other, START) for other in ((KEY, "other"), (account_key("b"), MESSAGE)))}) == 3


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_message_has_a_place(message_id: str) -> None:
    """The name is fit for a row's key, however the message's id looks."""
    assert re.fullmatch(r"[A-Za-z0-9_-]{24}", sighting_key(KEY, message_id, START).name)
