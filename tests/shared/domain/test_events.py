"""Events: ids that duplicates share, bytes in EmailEngine's order, and data from mail of every shape."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.events import (
    EventName,
    attachment_id,
    deleted_data,
    event_id,
    expiring_data,
    is_auto_reply,
    missing_data,
    moved_data,
    new_data,
    payload,
    updated_data,
)
from shared.domain.messages import Address, Attachment, Body, ContentRules
from shared.domain.oauth2 import CredentialKind
from shared.domain.sightings import Sighting
from tests.factories import APP, CLIENT, MESSAGE, a_message, a_sighting, an_app, an_event
from tests.fakes.clock import START

ANY_TEXT = st.text(st.characters())
WORDS = st.text("abcdefghij0123456789-_=", max_size=40)


@given(
    st.tuples(WORDS, WORDS, st.sampled_from(EventName), WORDS),
    st.tuples(WORDS, WORDS, st.sampled_from(EventName), WORDS),
)
def test_an_id_depends_on_every_part(one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    """The same happening has the same id, always, and any other part makes another."""
    assert (event_id(*one) == event_id(*other)) == (one == other)
    for at in range(4):
        mixed = (*one[:at], other[at], *one[at + 1 :])
        assert (event_id(*one) == event_id(*mixed)) == (one == mixed)


def test_ids_outlive_releases() -> None:
    """An id is a UUID without a dot, and the same one tomorrow: receivers remember them."""
    identity = event_id("key", MESSAGE, EventName.MESSAGE_NEW, "")
    assert identity == "5684f69f-ec4e-5dfa-873b-a9e8cbc03f72"
    assert str(UUID(identity)) == identity


def test_the_envelope_is_emailengines() -> None:
    """The envelope's keys stand in EmailEngine's order, without spaces; the id travels in a header only."""
    assert payload(an_event(date=START + timedelta(milliseconds=5.4)), "https://relay.example.com") == (
        b'{"serviceUrl":"https://relay.example.com","account":"anna","date":"2026-03-02T09:30:00.005Z","path":"INBOX",'
        b'"specialUse":"\\\\Inbox","event":"messageNew","data":{"id":"%s"}}' % MESSAGE.encode()
    )
    bare = payload(an_event(name=EventName.ACCOUNT_ADDED, path=None, special_use=None, data={"account": "anna"}), None)
    assert list(json.loads(bare)) == ["serviceUrl", "account", "date", "event", "data"]
    assert json.loads(bare)["serviceUrl"] is None
    of_nobody = payload(an_event(name=EventName.OAUTH_APP_EXPIRING, account=None, account_key=None), None)
    assert json.loads(of_nobody)["account"] is None


@pytest.mark.parametrize(
    ("kind", "credential"), [(CredentialKind.SECRET, "clientSecret"), (CredentialKind.CERTIFICATE, "certificate")]
)
def test_an_expiring_credential_is_named_as_at_the_api(kind: CredentialKind, credential: str) -> None:
    """What expires is told with the API's names: which application, which credential, when, and in how many days."""
    assert expiring_data(an_app(credential=kind), START, 7) == {
        "app": APP,
        "name": "Contoso",
        "clientId": CLIENT,
        "credential": credential,
        "expires": "2026-03-02T09:30:00.000Z",
        "days": 7,
    }


@given(ANY_TEXT)
@example("\ud800 \U0001f600 \x00")
def test_any_text_becomes_json(text: str) -> None:
    """Control characters, emoji and lone surrogates of a mail become UTF-8 JSON, and all that UTF-8 can hold stays."""
    message = a_message(subject=text, preview=text, body=Body("plain", text), headers={"x-note": (text,)})
    data = new_data(message, ContentRules(headers=("*",)))
    read = json.loads(payload(an_event(data=data, path=text, account=text), None).decode("utf-8"))
    told = text.encode("utf-8", "replace").decode()
    assert (read["account"], read["path"], read["data"]["subject"]) == (told, told, told)
    assert (read["data"]["text"]["plain"], read["data"]["headers"]) == (told, {"x-note": [told]})


def test_a_whole_message_has_emailengines_fields() -> None:
    """A messageNew tells all of a message under EmailEngine's names, in its order."""
    message = a_message(
        flags=frozenset({"\\Flagged"}),
        labels=("Red category",),
        sender=Address("Assistant", "assistant@sender.example"),
        cc=(Address("", "cc@contoso.com"),),
        reply_to=(Address("", "reply@sender.example"),),
        internet_message_id="<1@sender.example>",
        thread="thread-1",
        preview="Tere",
        body=Body("html", "<p>Tere</p>"),
        headers={"in-reply-to": ("<0@contoso.com>",), "received": ("from b", "from a")},
        attachments=(
            Attachment("att-1", "image/png", 120, inline=True, filename="logo.png", content_id="logo@x"),
            Attachment("att-2", "message/rfc822", 80, inline=False),
        ),
    )
    assert list(new_data(message, ContentRules(headers=("Received", "X-Absent"))).items()) == [
        ("id", MESSAGE),
        ("emailId", MESSAGE),
        ("threadId", "thread-1"),
        ("date", "2026-03-02T09:30:00.000Z"),
        ("flags", ["\\Flagged"]),
        ("labels", ["Red category"]),
        ("unseen", True),
        ("flagged", True),
        ("subject", "Hello"),
        ("from", {"name": "Jüri Õun", "address": "juri@sender.example"}),
        ("sender", {"name": "Assistant", "address": "assistant@sender.example"}),
        ("replyTo", [{"name": "", "address": "reply@sender.example"}]),
        ("to", [{"name": "Anna", "address": "anna@contoso.com"}]),
        ("cc", [{"name": "", "address": "cc@contoso.com"}]),
        (
            "attachments",
            [
                {
                    "id": attachment_id(MESSAGE, "att-1"),
                    "contentType": "image/png",
                    "encodedSize": 120,
                    "embedded": True,
                    "inline": True,
                    "filename": "logo.png",
                    "contentId": "<logo@x>",
                },
                {
                    "id": attachment_id(MESSAGE, "att-2"),
                    "contentType": "message/rfc822",
                    "encodedSize": 80,
                    "embedded": False,
                    "inline": False,
                },
            ],
        ),
        ("messageId", "<1@sender.example>"),
        ("inReplyTo", "<0@contoso.com>"),
        ("headers", {"received": ["from b", "from a"]}),
        ("text", {"id": MESSAGE, "encodedSize": {"html": 11}, "html": "<p>Tere</p>", "hasMore": False}),
        ("preview", "Tere"),
    ]


def test_what_a_draft_lacks_is_left_out() -> None:
    """A message without sender, recipients, body and Message-ID is told without those fields."""
    draft = a_message(author=None, to=(), subject="", flags=frozenset({"\\Draft", "\\Seen"}))
    assert new_data(draft, ContentRules()) == {
        "id": MESSAGE,
        "emailId": MESSAGE,
        "date": "2026-03-02T09:30:00.000Z",
        "flags": ["\\Draft", "\\Seen"],
        "labels": [],
        "draft": True,
        "subject": "",
    }


def test_groups_and_crowds_are_told_whole() -> None:
    """A group has a name and no address, and a thousand recipients are all there, in order."""
    crowd = tuple(Address("", f"{number}@contoso.com") for number in range(1000))
    data = new_data(a_message(to=(Address("undisclosed-recipients", ""),), bcc=crowd), ContentRules())
    assert data["to"] == [{"name": "undisclosed-recipients", "address": ""}]
    assert [person["address"] for person in data["bcc"]] == [address.address for address in crowd]


@pytest.mark.parametrize(
    ("limit", "told", "more"), [(6, "aä😀"[:2], True), (7, "aä😀", False), (2, "a", True), (0, "", True)]
)
def test_text_is_cut_between_characters(limit: int, told: str, *, more: bool) -> None:
    """Text is cut at its size in bytes, drops what a cut splits, and says that there is more."""
    data = new_data(a_message(body=Body("plain", "aä😀")), ContentRules(text_bytes=limit))
    assert data["text"] == {"id": MESSAGE, "encodedSize": {"plain": 7}, "plain": told, "hasMore": more}


@given(st.text(), st.integers(0, 200))
def test_a_cut_is_a_beginning(text: str, limit: int) -> None:
    """What a cut leaves is the text's beginning and never larger than the limit."""
    told = new_data(a_message(body=Body("plain", text)), ContentRules(text_bytes=limit))["text"]
    assert text.startswith(told["plain"])
    assert len(told["plain"].encode()) <= limit
    assert told["hasMore"] == (told["plain"] != text)


def test_both_forms_of_a_text_are_told() -> None:
    """Where the backend keeps both forms of a text both are told, and what it did not read to its end says so."""
    message = a_message(body=Body("plain", "Tere"), alternative=Body("html", "<p>Te", whole=900))
    assert new_data(message, ContentRules())["text"] == {
        "id": MESSAGE,
        "encodedSize": {"plain": 4, "html": 900},
        "plain": "Tere",
        "html": "<p>Te",
        "hasMore": True,
    }


def test_text_stays_at_home_when_nobody_wants_it() -> None:
    """Without `notifyText` only the size of the text is told; without `notifyHeaders` no header is."""
    message = a_message(body=Body("plain", "secret"), headers={"x-note": ("secret",)})
    data = new_data(message, ContentRules(text=False))
    assert data["text"] == {"id": MESSAGE, "encodedSize": {"plain": 6}}
    assert "secret" not in json.dumps(data)


def test_an_update_tells_what_came_and_went() -> None:
    """An update has EmailEngine's `added`, `deleted` and `value`, for flags and labels apart, sorted."""
    known = a_sighting(flags=("\\Flagged", "\\Seen"), labels=("Red",))
    now = a_message(flags=frozenset({"\\Seen", "\\Answered"}), labels=("Red", "Blue"))
    assert updated_data(now, known)["changes"] == {
        "flags": {"added": ["\\Answered"], "deleted": ["\\Flagged"], "value": ["\\Answered", "\\Seen"]},
        "labels": {"added": ["Blue"], "value": ["Blue", "Red"]},
    }


def test_a_move_tells_flags_that_changed_on_the_way() -> None:
    """A move of an untouched message has an id only; flags that changed with it are told."""
    moved = a_message(folder="archive-id", flags=frozenset({"\\Seen"}))
    assert moved_data(moved, Sighting.of(moved)) == {"id": MESSAGE}
    assert moved_data(moved, None) == {"id": MESSAGE}
    assert moved_data(moved, a_sighting())["changes"]["flags"]["added"] == ["\\Seen"]


def test_what_is_gone_has_an_id() -> None:
    """A deletion and a missing message tell the id, the latter how often it was looked for."""
    assert deleted_data(MESSAGE) == {"id": MESSAGE}
    assert missing_data(MESSAGE, 5) == {"id": MESSAGE, "missingRetries": 5}


@pytest.mark.parametrize(
    ("subject", "headers", "machine"),
    [
        ("Hello", {}, False),
        ("Hello", {"auto-submitted": ("auto-replied; owner-email=x",)}, True),
        ("Hello", {"auto-submitted": ("Auto-Replied",)}, True),
        ("Hello", {"auto-submitted": ("auto-generated",)}, False),
        ("Hello", {"x-autoreply": ("yes",)}, True),
        ("Hello", {"precedence": ("Auto_Reply",)}, True),
        ("Hello", {"precedence": ("bulk",)}, False),
        ("Newsletter", {"x-auto-response-suppress": ("All",)}, False),
        ("Automatic reply: Hello", {}, True),
        ("Out of the Office", {}, True),
        ("OOO: back on Monday", {}, True),
        ("Re: Automatic reply: Hello", {}, False),
    ],
)
def test_machines_that_answer(subject: str, headers: dict[str, tuple[str, ...]], *, machine: bool) -> None:
    """A machine's answer is known by its headers, then by its subject; a newsletter is none."""
    message = a_message(subject=subject, headers=headers)
    assert is_auto_reply(message) is machine
    assert new_data(message, ContentRules()).get("isAutoReply") is (True if machine else None)


def test_attachments_have_ids_of_their_own() -> None:
    """An attachment's id is opaque, fits into a path, and differs by message and attachment."""
    ids = {attachment_id(message, attachment) for message in ("a", "b") for attachment in ("1", "2/é")}
    assert len(ids) == 4
    assert all(identity.isascii() and not set(identity) & set("/+=?#%") for identity in ids)
