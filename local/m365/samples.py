"""Messages as they come in real life, as MIME."""

from collections.abc import Callable
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from textwrap import dedent

from local.m365 import moments

#: A transparent image of one pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001"
    "e221bc330000000049454e44ae426082"
)
SENDER = "Ada Lovelace <ada@sender.example>"
RECIPIENT = "Help Desk <help@contoso.example>"


def plain(subject: str = "The order has not arrived", *, sender: str = SENDER, to: str = RECIPIENT) -> bytes:
    """A short text."""
    return _start(subject, sender=sender, to=to, text="Hello,\n\nwhere is order 4711?\n\nAda\n").as_bytes()


def newsletter() -> bytes:
    """HTML with a text alternative, and the headers of a mailing list."""
    message = _start("Five ideas for November", text="Five ideas: https://news.example/11\n")
    message["List-Unsubscribe"] = "<https://news.example/leave>"
    message["Precedence"] = "bulk"
    html = "<html><head><style>p { color: #333 }</style></head><body><h1>Five ideas</h1>%s</body></html>"
    message.add_alternative(
        html % "<p>Read <a href='https://news.example/11'>more &amp; better</a>.</p>" * 5, subtype="html"
    )
    return message.as_bytes()


def non_ascii() -> bytes:
    """A subject and names beyond ASCII."""
    text = "Õhtust!\n\n日本語 Ελληνικά\n"
    return _start("Tellimus nr 7 — järelepärimine ✉", sender="Jüri Õun <juri@sender.example>", text=text).as_bytes()


def no_subject() -> bytes:
    """A message whose sender forgot the subject."""
    return _without("Subject")


def no_sender() -> bytes:
    """A message that names nobody as its sender."""
    return _without("From")


def undisclosed() -> bytes:
    """A message to a group without members."""
    return _start("For your eyes only", to="undisclosed-recipients:;").as_bytes()


def inline_image() -> bytes:
    """HTML that shows an image of its own, and nothing else attached."""
    message = _start("A picture in the text", text="[picture]\n")
    message.add_alternative("<p>See <img src='cid:pixel@sender.example'></p>", subtype="html")
    html = message.get_payload(1)
    if isinstance(html, EmailMessage):
        html.add_related(
            PIXEL, "image", "png", cid="<pixel@sender.example>", disposition="inline", filename="pixel.png"
        )
    return message.as_bytes()


def with_file(content: bytes = b"%PDF-1.7 invoice", *, name: str = "invoice.pdf") -> bytes:
    """A text with a file attached."""
    message = _start("Your invoice", text="Please find the invoice attached.\n")
    message.add_attachment(content, "application", "pdf", filename=name)
    return message.as_bytes()


def attached_message() -> bytes:
    """A message that carries another message."""
    message = _start("Fwd: The order has not arrived", text="See attached.\n")
    message.add_attachment(_start("The order has not arrived"))
    return message.as_bytes()


def invitation() -> bytes:
    """A calendar invitation."""
    message = _start("Review of the quarter", text="You are invited.\n")
    calendar = dedent("""\
        BEGIN:VCALENDAR
        VERSION:2.0
        METHOD:REQUEST
        BEGIN:VEVENT
        UID:review-4711@sender.example
        DTSTART:20261201T090000Z
        DTEND:20261201T100000Z
        SUMMARY:Review of the quarter
        ORGANIZER:mailto:ada@sender.example
        ATTENDEE:mailto:help@contoso.example
        END:VEVENT
        END:VCALENDAR
        """)
    message.add_alternative(calendar, subtype="calendar", params={"method": "REQUEST"})
    return message.as_bytes()


def many_recipients(number: int = 1000) -> bytes:
    """A message to very many people."""
    people = ", ".join(f"Person {index} <person{index}@list.example>" for index in range(number))
    return _start("To everybody", to=people).as_bytes()


def auto_reply() -> bytes:
    """An answer that no person wrote."""
    message = _start("Automatic reply: The order has not arrived", text="I am away until Monday.\n")
    message["Auto-Submitted"] = "auto-replied"
    message["X-Auto-Response-Suppress"] = "All"
    message["In-Reply-To"] = "<first@contoso.example>"
    message["References"] = "<first@contoso.example>"
    return message.as_bytes()


def large_text(kilobytes: int = 512) -> bytes:
    """A long text."""
    return _start(
        "The whole log", text="2026-11-20 12:00:00 nothing happened here, again\n" * (kilobytes * 21)
    ).as_bytes()


def everything() -> dict[str, bytes]:
    """One of each, by name."""
    builders: list[Callable[[], bytes]] = [plain, newsletter, non_ascii, no_subject, no_sender, undisclosed]
    builders += [inline_image, with_file, attached_message, invitation, many_recipients, auto_reply, large_text]
    return {builder.__name__: builder() for builder in builders}


def _start(subject: str, *, sender: str = SENDER, to: str = RECIPIENT, text: str = "Hello.\n") -> EmailMessage:
    message = EmailMessage()
    message["Received"] = "from mx.sender.example by mx.contoso.example; Fri, 20 Nov 2026 12:00:00 +0000"
    message["From"] = sender
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = format_datetime(moments.now())
    message["Message-ID"] = make_msgid(domain="sender.example")
    message.set_content(text)
    return message


def _without(header: str) -> bytes:
    message = _start("Forgotten")
    del message[header]
    return message.as_bytes()
