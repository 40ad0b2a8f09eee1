"""What `make run` shows: an application and three mailboxes through the public API, then mail, read, moved, deleted."""

import email
import email.policy
import time
from dataclasses import dataclass

from local.m365 import samples
from local.m365.control import Application, Tenant
from local.stack import mail
from local.stack.errors import StackRefused
from local.stack.journal import HEADING, Journal, Key
from local.stack.parts import Stack

DOMAIN = "contoso.example"
_CONNECT_SECONDS = 120.0
_PAUSE = 0.1


@dataclass(frozen=True)
class Person:
    """A mailbox of the simulated tenant and its account."""

    account: str
    name: str
    shared: bool = False
    domain: str = DOMAIN

    @property
    def address(self) -> str:
        """The mailbox's address."""
        return f"{self.account}@{self.domain}"


HELP = Person("help", "Help Desk", shared=True)
MARI = Person("mari.tamm", "Mari Tamm")
LIIS = Person("liis.kask", "Liis Kask")
PEOPLE = (HELP, MARI, LIIS)
ACCOUNT_EVENTS = ("accountAdded", "authenticationSuccess", "accountInitialized")
_MAIL = (
    (HELP, samples.plain),
    (HELP, samples.with_file),
    (MARI, samples.non_ascii),
    (MARI, samples.newsletter),
    (LIIS, samples.invitation),
)


@dataclass(frozen=True)
class Journey:
    """Takes the steps one after the other; what it expects stands in the journal."""

    stack: Stack
    journal: Journal

    def register(self) -> None:
        """Sets where webhooks go, registers the application and the mailboxes, and waits until they are connected."""
        tenant, application = self._organization()
        say, api = self.journal.say, self.stack.api
        api.post("/v1/settings", settings(self.stack))
        app = str(api.post("/v1/oauth2", oauth2(tenant, application, self.stack.keys.client_secret))["id"])
        self._verify(app)
        say(f"\n{HEADING}")
        for person in PEOPLE:
            for event in ACCOUNT_EVENTS:
                self.journal.expect(Key(event, person.account), person.address)
            api.post("/v1/account", account(person, app))
        for person in PEOPLE:
            connected(self.stack, person)

    def mail(self, deadline: float) -> None:
        """Delivers mail, waits for its webhooks, and then reads, moves and deletes a message each."""
        delivered = [(person, *self._deliver(person, sample())) for person, sample in _MAIL]
        # A message that is read while it is still announced would rightly be told as one event.
        self.journal.wait_until(deadline, self.stack.check)
        (reader, read, read_subject), _, _, (mover, moved, moved_subject), (deleter, deleted, subject) = delivered
        m365 = self.stack.m365
        self.journal.expect(Key("messageUpdated", reader.account, read), read_subject)
        m365.set_read(reader.address, read)
        self.journal.expect(Key("messageMoved", mover.account, moved), moved_subject)
        m365.move(mover.address, moved, "archive")
        self.journal.expect(Key("messageDeleted", deleter.account, deleted), subject)
        m365.delete(deleter.address, deleted)
        self.journal.wait_until(deadline, self.stack.check)

    def _organization(self) -> tuple[Tenant, Application]:
        m365 = self.stack.m365
        tenant = m365.add_tenant(domain=DOMAIN)
        application = m365.add_application(tenant.id, secret=self.stack.keys.client_secret)
        for person in PEOPLE:
            m365.add_mailbox(tenant.id, person.address, display_name=person.name, shared=person.shared)
        return tenant, application

    def _verify(self, app: str) -> None:
        told = self.stack.api.post(f"/v1/oauth2/{app}/verify", {"account": HELP.address})
        self.journal.say(f"The application {app} is verified:")
        for step in told["steps"]:
            why = " ".join(str(step[part]) for part in ("message", "hint") if part in step)
            self.journal.say(f"  {step['status']:<5} {step['label']}{f': {why}' if why else ''}")
        if not told["ok"]:
            raise StackRefused("The application does not work; the steps above say why.")

    def _deliver(self, person: Person, mime: bytes) -> tuple[str, str]:
        message = email.message_from_bytes(mime, policy=email.policy.default)
        subject = str(message["Subject"])
        self.journal.expect(Key("messageNew", person.account, str(message["Message-ID"])), subject)
        return mail.deliver(self.stack.m365, person.address, mime), subject


def connected(stack: Stack, person: Person) -> None:
    """Returns when the mailbox is connected; raises StackRefused with the reason where it does not become so."""
    deadline = time.monotonic() + _CONNECT_SECONDS
    while True:
        shown = stack.api.get(f"/v1/account/{person.account}")
        if shown["state"] == "connected":
            return
        if time.monotonic() > deadline:
            raise StackRefused(f"{person.address} is {shown['state']!r}, not connected: {shown['lastError']}")
        stack.check()
        time.sleep(_PAUSE)


def settings(stack: Stack) -> dict[str, object]:
    """Returns the body of `POST /v1/settings` that sends every event to the receiver."""
    return {
        "webhooks": stack.receiver.url,
        "webhooksEnabled": True,
        "webhookEvents": ["*"],
        "serviceSecret": stack.keys.service_secret,
        "notifyHeaders": [mail.DELIVERED_AT],
    }


def oauth2(tenant: Tenant, application: Application, secret: str) -> dict[str, object]:
    """Returns the body of `POST /v1/oauth2`."""
    return {
        "name": "Contoso",
        "provider": "outlookService",
        "authority": tenant.id,
        "clientId": application.client_id,
        "clientSecret": secret,
    }


def account(person: Person, app: str) -> dict[str, object]:
    """Returns the body of `POST /v1/account`."""
    return {
        "account": person.account,
        "name": person.name,
        "email": person.address,
        "oauth2": {"provider": app, "auth": {"user": person.address}},
    }
