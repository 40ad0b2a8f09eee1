"""Client states: what proves an account, and what proves nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.accounts import account_key
from shared.domain.client_state import ClientStates, key_id_of

OLD, NEW = b"o" * 32, b"n" * 32
KEYS = st.binary(min_size=32, max_size=64)
ACCOUNTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).map(account_key)


@given(KEYS, st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True), ACCOUNTS)
def test_a_client_state_proves_its_account(key: bytes, key_id: str, account: str) -> None:
    """What we make proves the account it was made for, and fits into what Graph keeps."""
    states = ClientStates({key_id: key})
    made = states.make(account)
    assert states.account_of(made) == account
    assert len(made) <= 64
    assert len(made.rpartition(".")[2]) == 22, "128 bits in base64"


@given(ACCOUNTS, st.data())
def test_one_other_character_proves_nothing(account: str, data: st.DataObject) -> None:
    """A client state with any character changed, added or left out is a forgery."""
    states = ClientStates({"k1": NEW})
    made = states.make(account)
    at = data.draw(st.integers(0, len(made) - 1))
    other = data.draw(st.characters(codec="utf-8"))
    for forged in (made[:at] + other + made[at + 1 :], made[:at] + other + made[at:], made[:at] + made[at + 1 :]):
        assert forged == made or states.account_of(forged) is None


@given(ACCOUNTS, ACCOUNTS)
def test_a_proof_is_for_one_account(one: str, other: str) -> None:
    """The MAC of one account does not prove another, nor does a MAC made with another key."""
    states = ClientStates({"k1": NEW})
    moved = f"1.k1.{other}.{states.make(one).rpartition('.')[2]}"
    assert states.account_of(moved) == (other if one == other else None)
    assert states.account_of(ClientStates({"k1": OLD}).make(one)) is None


@pytest.mark.parametrize("said", [None, 1, b"1.k1.a.b", ["1"], {}, "", "...", "1.k1.a", "1.k1.a.b.c", "1.k1.é.\ud800"])
def test_anything_else_proves_nothing(said: Any) -> None:
    """Whatever a stranger sends as client state is refused without an error."""
    assert ClientStates({"k1": NEW}).account_of(said) is None


def test_keys_rotate() -> None:
    """The first key signs and every key verifies, so subscriptions made before a rotation live on."""
    before = ClientStates({"old": OLD}).make("account")
    rotating = ClientStates({"new": NEW, "old": OLD})
    assert rotating.account_of(before) == "account"
    assert rotating.make("account") == ClientStates({"new": NEW}).make("account")
    assert ClientStates({"new": NEW}).account_of(before) is None


def test_a_rotation_knows_what_it_leaves_behind() -> None:
    """What another key signed is to be made anew, and is void once that key is dropped."""
    rotating, over = ClientStates({"new": NEW, "old": OLD}), ClientStates({"new": NEW})
    assert [rotating.is_former(key) for key in ("new", "old", None)] == [False, True, True]
    assert [over.is_former(key) for key in ("new", "old", None)] == [False, True, False]
    assert [rotating.is_void(key) for key in ("new", "old", None)] == [False, False, False]
    assert [over.is_void(key) for key in ("new", "old", None)] == [False, True, False]


def test_a_client_state_names_its_key() -> None:
    """A client state tells which key signed it, and what is none tells nothing."""
    assert key_id_of(ClientStates({"k7": NEW}).make("account")) == "k7"
    assert key_id_of("state") is None
