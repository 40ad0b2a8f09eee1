"""
Webhooks: the endpoints that receive events, and which of them an event goes to.

The instance's own endpoint is the webhook `default`; an account with its own URL has the webhook `account-<key>`, which
replaces the default one for that account, as in EmailEngine.
"""

from datetime import datetime

from shared.domain.events import Event, EventName
from shared.domain.folders import INBOX
from shared.domain.instance_settings import InstanceSettings
from shared.domain.models import Carried

DEFAULT = "default"


class Webhook(Carried):
    """
    An endpoint as it is stored. `headers` is the vault's reference to its custom headers.

    A `disabled` one gets no attempts: its deliveries are parked until somebody sets its URL again. `failing_since` is
    the first failure after which nothing was delivered.
    """

    id: str
    url: str
    headers: str | None = None
    disabled: str | None = None
    failing_since: datetime | None = None
    updated: datetime


def renewed(former: Webhook | None, webhook: str, url: str, headers: str | None, *, now: datetime) -> Webhook:
    """Returns the webhook as one of which nothing is known yet: its URL was set anew, so it is another endpoint."""
    fresh = Webhook(id=webhook, url=url, headers=headers, updated=now)
    return former.model_copy(update=dict(fresh)) if former else fresh


def wants(settings: InstanceSettings, event: Event) -> bool:
    """Tells whether the instance's settings let *event* out; unset events mean none, as in EmailEngine."""
    if not settings.webhooks_enabled:
        return False
    if "*" not in settings.webhook_events and event.name not in settings.webhook_events:
        return False
    in_inbox = event.special_use == INBOX
    return in_inbox or not (settings.inbox_new_only and event.name is EventName.MESSAGE_NEW)
