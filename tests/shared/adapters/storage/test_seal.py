"""A seal opens what one of its keys closed, and nothing else."""

from shared.adapters.storage.seal import Seal


def test_what_was_closed_opens() -> None:
    """A seal opens its own text, twice sealed it looks different, and another key opens nothing."""
    seal = Seal({"k1": b"1" * 32})
    closed = seal.close("vérifier")
    assert seal.open(closed) == "vérifier"
    assert closed != seal.close("vérifier")
    assert Seal({"k1": b"2" * 32}).open(closed) is None
    assert seal.open(closed[:-4] + "AAAA") is None
