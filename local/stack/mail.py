"""Mail into the simulated mailboxes, and `python -m local.stack mail`, which delivers some to the stack that runs."""

import json
import smtplib
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from email.utils import format_datetime, localtime, make_msgid
from pathlib import Path

import requests

from local.m365.control import Microsoft365
from local.stack import ports
from local.stack.errors import StackRefused
from local.stack.keys import write_private

#: The header that tells the receiver when a message was delivered, in seconds since the epoch.
DELIVERED_AT = "X-Delivered-At"


@dataclass(frozen=True)
class Address:
    """Where the stack that runs takes mail; that of users who sign in, at the port `lmtp`."""

    m365_url: str
    authority: str
    mailboxes: Sequence[str]
    lmtp: int = 0
    user_mailboxes: Sequence[str] = ()

    def write(self, path: Path) -> None:
        """Tells other processes of this machine."""
        write_private(path, json.dumps(asdict(self)))


def deliver(m365: Microsoft365, mailbox: str, mime: bytes) -> str:
    """Delivers a message now and returns its id."""
    return m365.deliver(mailbox, stamped(mime))


def stamped(mime: bytes) -> bytes:
    """Returns a message with the moment of its delivery, which is now."""
    return f"{DELIVERED_AT}: {time.time():.3f}\r\n".encode() + mime


def compose(sender: str, to: str, subject: str, text: str) -> bytes:
    """Returns a message as a person would send it."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = format_datetime(localtime())
    message["Message-ID"] = make_msgid(domain="sender.example")
    message.set_content(text)
    return message.as_bytes()


def send(path: Path, sender: str, to: str, subject: str, text: str) -> str:
    """Delivers a message to the stack whose address *path* holds; returns what was done, as a sentence."""
    try:
        address = Address(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise StackRefused("No stack runs here: start one with `make run`.") from None
    known = [*address.mailboxes, *address.user_mailboxes]
    if to.lower() not in known:
        raise StackRefused(f"There is no mailbox {to!r}; there are {', '.join(known)}.")
    message = compose(sender, to, subject, text)
    try:
        if to.lower() in address.user_mailboxes:
            with smtplib.LMTP(ports.HOST, address.lmtp, local_hostname="localhost") as lmtp:
                lmtp.sendmail(sender, [to], stamped(message))
        else:
            deliver(Microsoft365(address.m365_url, Path(address.authority)), to, message)
    except (requests.ConnectionError, ConnectionError):
        raise StackRefused("The stack does not answer: start it again with `make run`.") from None
    return f"Delivered to {to}; the webhook shows where the stack runs."
