"""The one object that holds the whole simulated service, and the path from a change to a notification."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from local.m365 import notifications
from local.m365.behaviour import Behaviour
from local.m365.directory import Directory
from local.m365.faults import Faults
from local.m365.grants import Grants
from local.m365.mailbox import Change, Mailbox
from local.m365.notifier import Notifier
from local.m365.sign_in_requests import Attempts
from local.m365.stats import Stats
from local.m365.subscriptions import Subscription, Subscriptions
from local.m365.throttle import Throttle
from local.m365.tokens import TokenIssuer


@dataclass(slots=True)
class World:
    """Everything, in memory."""

    base_url: str = ""
    identity_header: str = "local-identity-header"
    behaviour: Behaviour = field(default_factory=Behaviour)
    faults: Faults = field(default_factory=Faults)
    stats: Stats = field(default_factory=Stats)
    directory: Directory = field(default_factory=Directory)
    subscriptions: Subscriptions = field(default_factory=Subscriptions)
    tokens: TokenIssuer = field(default_factory=TokenIssuer)
    attempts: Attempts = field(default_factory=Attempts)
    grants: Grants = field(default_factory=Grants)
    throttle: Throttle = field(init=False)
    notifier: Notifier = field(init=False)

    def __post_init__(self) -> None:
        self.throttle = Throttle(self.behaviour, self.stats)
        self.notifier = Notifier(self.behaviour, self.faults, self.stats)
        self.notifier.on_drop = self._dropped

    def issuer(self, tenant: str) -> str:
        """Who signs a tenant's id tokens, and the tokens of its managed identities."""
        return f"{self.base_url}/{tenant}/v2.0"

    def changed(self, mailbox: Mailbox, change: Change) -> None:
        """Tells the subscriptions of a mailbox what happened in it."""
        if change.new and self.faults.strikes("read_lag", [change.message.immutable_id]):
            change.message.hidden_reads = int(self.faults.option("read_lag", "reads", 2))
        for subscription in self.subscriptions.of_mailbox(mailbox.id):
            kind = subscription.kind_of(change)
            if kind is not None:
                number = self.stats.counts["notifications_made"]
                item = notifications.of_change(subscription, change, kind, self.faults, number)
                self.notifier.push(subscription.notification_url, item)

    def lifecycle(self, subscription: Subscription, event: str) -> None:
        """Tells a subscriber about the subscription itself."""
        if subscription.lifecycle_url:
            self.stats.count(f"lifecycle_{event}")
            self.notifier.push(subscription.lifecycle_url, notifications.of_lifecycle(subscription, event))

    def _dropped(self, host: str) -> None:
        self.stats.count("endpoints_dropped")
        if not self.behaviour.missed_after_drop:
            return
        for subscription in self.subscriptions.by_id.values():
            if urlsplit(subscription.notification_url).netloc == host and subscription.lifecycle_url:
                item = notifications.of_lifecycle(subscription, "missed")
                self.notifier.push_after(self.behaviour.endpoint_window, subscription.lifecycle_url, item)

    def reset(self) -> None:
        """Starts again as an empty service; the signing key stays, so that published keys stay true."""
        self.notifier.reset()
        self.subscriptions.reset()
        self.directory.reset()
        self.throttle.reset()
        self.behaviour.reset()
        self.faults.reset()
        self.stats.reset()
        self.tokens.forget()
        self.attempts.reset()
        self.grants.reset()
