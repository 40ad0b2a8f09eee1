"""Failures: their kind and their place, and not what they stumbled over."""

import json

import pytest

from shared.domain.errors import TryLater
from shared.domain.failures import explained

SUBJECT = "Quarterly-figures"


def test_an_error_of_ours_is_told() -> None:
    """What we worded ourselves is told as it is."""
    assert explained(TryLater("Storage is busy.")) == {"error": "Storage is busy."}


def test_any_other_error_is_told_by_kind_and_place() -> None:
    """An unforeseen error tells its kind, that of its cause, and each call, and nothing that it was about."""

    def stumble() -> None:
        try:
            {}[SUBJECT]
        except KeyError as problem:
            raise ValueError(SUBJECT) from problem

    with pytest.raises(ValueError, match=SUBJECT) as raised:
        stumble()
    said = explained(raised.value)
    assert said["error"] == "ValueError from KeyError"
    assert said["stack"][-1].startswith("domain/test_failures.py:")
    assert said["stack"][-1].endswith(" stumble")
    assert SUBJECT not in json.dumps(said)


def test_a_deep_stack_is_cut() -> None:
    """Of a recursion without end the innermost calls are told."""

    def deeper() -> None:
        deeper()

    with pytest.raises(RecursionError) as raised:
        deeper()
    assert len(explained(raised.value)["stack"]) == 20
