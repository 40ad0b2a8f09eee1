"""Keys of rows hold what they may, and tell names apart."""

from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.storage.tables.keys import hashed, safe


@given(st.text(max_size=300))
def test_any_name_makes_a_key(name: str) -> None:
    """A key has none of the characters that storage refuses, and fits."""
    made = safe(name)
    assert 0 < len(made) <= 128
    assert all(character.isascii() and (character.isalnum() or character in "_-~") for character in made)


@given(st.text(max_size=20), st.text(max_size=20))
def test_two_names_make_two_keys(one: str, other: str) -> None:
    """Different names have different keys, whichever way each of them is made."""
    assert (safe(one) == safe(other)) is (one == other)
    assert safe(safe(one)) == safe(one) or not one or not safe(one).startswith(one)


def test_plain_names_stay_readable() -> None:
    """Ids of our own make are their own keys; parts of a hash do not run together."""
    assert safe("account-abc_123") == "account-abc_123"
    assert hashed("a", "bc") != hashed("ab", "c")
