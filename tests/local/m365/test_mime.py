"""MIME in, Graph's message out."""

from local.m365 import samples
from local.m365.mime import read


def test_forgotten_headers() -> None:
    """A message without a subject has an empty one, one without a From names nobody, and each has a Message-ID."""
    assert read(samples.no_subject()).properties["subject"] == ""
    assert {"from", "sender"}.isdisjoint(read(samples.no_sender()).properties)
    assert read(b"Subject: bare\n\ntext").properties["internetMessageId"].startswith("<")


def test_people() -> None:
    """Names beyond ASCII are decoded, an empty group keeps its name, and a thousand recipients are all there."""
    properties = read(samples.non_ascii()).properties
    assert properties["subject"] == "Tellimus nr 7 — järelepärimine ✉"
    assert properties["from"]["emailAddress"]["name"] == "Jüri Õun"
    assert read(samples.undisclosed()).properties["toRecipients"] == [
        {"emailAddress": {"name": "undisclosed-recipients:;"}}
    ]
    assert len(read(samples.many_recipients()).properties["toRecipients"]) == 1000


def test_bodies() -> None:
    """HTML comes before text, and the preview is 255 characters of text without style or markup."""
    properties = read(samples.newsletter()).properties
    assert properties["body"]["contentType"] == "html"
    assert properties["bodyPreview"].startswith("Five ideas Read more & better")
    assert len(read(samples.large_text()).properties["bodyPreview"]) == 255


def test_attachments() -> None:
    """Only what is not inline counts as an attachment, and an attached message keeps its MIME."""
    assert read(samples.inline_image()).properties["hasAttachments"] is False
    content = read(samples.attached_message())
    assert content.properties["hasAttachments"] is True
    (item,) = content.attachments
    assert (item.kind, item.name, item.content_type) == ("itemAttachment", "The order has not arrived", None)
    assert read(item.raw).properties["subject"] == "The order has not arrived"


def test_invitation() -> None:
    """A calendar invitation is a meeting request with its times, and its calendar part is no attachment."""
    content = read(samples.invitation())
    assert content.properties["@odata.type"] == "#microsoft.graph.eventMessageRequest"
    assert content.properties["meetingMessageType"] == "meetingRequest"
    assert content.properties["startDateTime"]["dateTime"].startswith("2026-12-01T09:00:00")
    assert content.attachments == []


def test_conversation() -> None:
    """An answer belongs to the conversation of the message that it refers to."""
    first = read(b"Message-ID: <first@contoso.example>\nSubject: A\n\n.").properties
    answer = read(samples.auto_reply()).properties
    assert answer["conversationId"] == first["conversationId"]
    assert len(answer["conversationIndex"]) > len(first["conversationIndex"])


def test_every_sample_is_read() -> None:
    """Each sample makes a message with a preview."""
    contents = {name: read(mime).properties["bodyPreview"] for name, mime in samples.everything().items()}
    assert len(contents) == 13
    assert all(contents.values())
