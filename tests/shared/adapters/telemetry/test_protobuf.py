"""The wire format, held to Google's own implementation through the messages of OTLP."""

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from shared.adapters.telemetry.protobuf import double, text, varint, whole


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 2**31, 2**63 - 1, -1, -(2**63)])
def test_integers(value: int) -> None:
    """An integer of any size and sign is read as it was written."""
    assert AnyValue.FromString(whole(3, value)).int_value == value


@pytest.mark.parametrize("value", [0.0, -1.5, 1e300])
def test_floating_point(value: float) -> None:
    """A floating-point number keeps every bit."""
    assert AnyValue.FromString(double(4, value)).double_value == value


@pytest.mark.parametrize(("value", "read"), [("", ""), ("世界 " * 100, "世界 " * 100), ("half \ud83d", "half ?")])
def test_texts(value: str, read: str) -> None:
    """A text comes through in UTF-8, and what is none becomes a question mark rather than an error."""
    assert AnyValue.FromString(text(1, value)).string_value == read


def test_a_varint_is_as_short_as_it_can_be() -> None:
    """Seven bits go into a byte."""
    assert [len(varint(value)) for value in (0, 127, 128, 16_383, 16_384)] == [1, 1, 2, 2, 3]
