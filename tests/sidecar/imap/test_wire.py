"""Responses as they come over the wire."""

import asyncio

import pytest

from sidecar.imap.wire import LINE_LIMIT, BrokenStream, Response, Status, read_response


def read(*chunks: bytes, limit: int = LINE_LIMIT) -> list[Response]:
    """Return the responses in what comes in chunks."""

    async def run() -> list[Response]:
        reader = asyncio.StreamReader(limit=limit)
        for chunk in chunks:
            reader.feed_data(chunk)
        reader.feed_eof()
        responses = []
        while not reader.at_eof():
            responses.append(await read_response(reader))
        return responses

    return asyncio.run(run())


def test_literals_are_set_apart() -> None:
    """A literal is taken by its length, whatever is in it, and the line goes on behind it."""
    literal = b"* BYE\r\n)\r\n"
    (response,) = read(b"* 1 FETCH (UID 7 BODY[1] {10", b"}\r\n" + literal, b" BODY[2] {2}\r\nab)\r\n")
    assert response == Response(b"*", (b"1 FETCH (UID 7 BODY[1] ", b" BODY[2] ", b")"), (literal, b"ab"))


def test_words_for_a_human_are_no_literal() -> None:
    """A decision whose words end like a literal is read as words."""
    first, second = read(b"R1 NO try {5}\r\n", b"* OK hello\r\n")
    assert first.status == Status(b"NO", b"", "try {5}")
    assert second.said == "OK hello"


def test_codes_are_read() -> None:
    """The code in brackets and its argument are told from the words."""
    (response,) = read(b"* OK [UIDVALIDITY 77] valid\r\n")
    assert response.status
    assert (response.status.argument(b"UIDVALIDITY"), response.status.argument(b"UIDNEXT")) == (b"77", None)
    assert response.status.text == "valid"


@pytest.mark.parametrize("sent", [b"* " + b"x" * 500, b"* 1 FETCH (BODY[] {99999999999}\r\n"], ids=["line", "literal"])
def test_endless_answers_are_refused(sent: bytes) -> None:
    """A line without an end, and a literal beyond all measure, break the stream instead of filling the memory."""
    with pytest.raises(BrokenStream):
        read(sent + b"\r\n", limit=100)


def test_end_in_the_middle_is_noticed() -> None:
    """A stream that ends within a literal is incomplete."""
    with pytest.raises(asyncio.IncompleteReadError):
        read(b"* 1 FETCH (BODY[] {10}\r\nabc")
