"""What `make run` shows of users who sign in: one user, one sign-in, their own mailbox and a shared one beside it."""

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from urllib.parse import urlencode

from local.dovecot.server import Dovecot
from local.m365 import samples
from local.m365.control import Tenant
from local.m365.person import Person as Browser
from local.stack import mail
from local.stack.errors import StackRefused
from local.stack.journal import Journal, Key
from local.stack.journey import ACCOUNT_EVENTS, Person, connected
from local.stack.parts import Stack

DOMAIN = "fabrikam.example"
ANNA = Person("anna.saar", "Anna Saar", domain=DOMAIN)
SALES = Person("sales", "Sales", shared=True, domain=DOMAIN)
PEOPLE = (ANNA, SALES)
_MAIL = (samples.plain, samples.with_file)
_BACK = "https://app.fabrikam.example/connected"


@dataclass(frozen=True)
class UserJourney:
    """Takes the steps one after the other; what it expects stands in the journal."""

    stack: Stack
    journal: Journal
    dovecot: Dovecot

    def register(self) -> None:
        """Registers an application that users sign in to, has one sign in twice, and waits until both are connected."""
        tenant = self._organization()
        self.stack.api.post("/v1/oauth2", self._application(tenant))
        for person in PEOPLE:
            for event in ACCOUNT_EVENTS:
                self.journal.expect(Key(event, person.account), person.address)
            self._sign_in(person)
        for person in PEOPLE:
            connected(self.stack, person)

    def mail(self, deadline: float) -> None:
        """Delivers two messages to each mailbox, then reads one and deletes the other."""
        delivered = [(person, self._deliver(person, make())) for person in PEOPLE for make in _MAIL]
        self.journal.wait_until(deadline, self.stack.check)
        for person in PEOPLE:
            read, deleted = (message for whose, message in delivered if whose is person)
            first, second = self.dovecot.uids(person.address)
            self._expect("messageUpdated", person, read)
            self.dovecot.flag(person.address, first, "\\Seen")
            self._expect("messageDeleted", person, deleted)
            self.dovecot.expunge(person.address, second)
        self.journal.wait_until(deadline, self.stack.check)

    def _organization(self) -> Tenant:
        tenant = self.stack.m365.add_tenant(domain=DOMAIN)
        self.stack.m365.add_user(tenant.id, ANNA.address, name=ANNA.name)
        for person in PEOPLE:
            self.dovecot.grant(ANNA.address, person.address)
        return tenant

    def _application(self, tenant: Tenant) -> dict[str, object]:
        callback, secret = f"{self.stack.api.url}/oauth", self.stack.keys.client_secret
        known = self.stack.m365.add_application(tenant.id, secret=secret, redirect_uris=[callback])
        return {
            "name": "Fabrikam",
            "provider": "outlook",
            "authority": tenant.id,
            "clientId": known.client_id,
            "clientSecret": secret,
            "redirectUrl": callback,
            "enabled": True,
        }

    def _sign_in(self, person: Person) -> None:
        """Goes the way that a browser goes, as the user."""
        wish: dict[str, object] = {"account": person.account, "name": person.name, "redirectUrl": _BACK}
        if person.shared:
            wish |= {"email": person.address, "delegated": True}
        link = str(self.stack.api.post("/v1/authentication/form", {**wish, "expectedEmail": ANNA.address})["url"])
        browser = Browser(self.stack.authority)
        answer = browser.sign_in(browser.open(link).location or "", ANNA.address)
        back = browser.open(f"{self.stack.api.url}/oauth?{urlencode(answer)}")
        if not (back.location or "").startswith(f"{_BACK}?"):
            raise StackRefused(f"{ANNA.address} could not sign in for {person.address}: {back.text}")

    def _deliver(self, person: Person, mime: bytes) -> EmailMessage:
        message = message_from_bytes(mime, policy=policy.default)
        self.journal.expect(Key("messageNew", person.account, str(message["Message-ID"])), str(message["Subject"]))
        self.dovecot.deliver(person.address, mail.stamped(mime))
        return message

    def _expect(self, event: str, person: Person, message: EmailMessage) -> None:
        """Expects an event about a message, whose id was told when it was new."""
        new = (each.data for each in self.stack.receiver.received if each.event == "messageNew")
        told = next((data["id"] for data in new if data.get("messageId") == message["Message-ID"]), "of nobody")
        self.journal.expect(Key(event, person.account, str(told)), str(message["Subject"]))
