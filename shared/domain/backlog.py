"""The backlog: what an operator is woken for, in one line of the log every five minutes; alerts stand on its fields."""

from shared.domain.models import Owned


class Backlog(Owned):
    """
    What waits, and for how long: the fields of `backlog.measured`. A field without a value is not told.

    `poison` counts what was given up and nobody requeued, `credential_days` what the application with the least has
    left, `renewals_late` subscriptions that end within a day. `subscription_losses` and `sidecar_troubles` are sums
    since the beginning, of which an alert takes differences. `sidecar_silent_seconds` is told for a week, after which
    a sidecar was taken away on purpose.
    """

    oldest_undelivered_seconds: int
    last_tick_seconds: int | None = None
    poison: int
    queue_changes: int
    queue_retries: int
    queue_jobs: int
    accounts: int
    accounts_in_trouble: int
    accounts_polling: int
    renewals_late: int
    subscription_losses: int
    credential_days: int | None = None
    sidecar_troubles: int
    sidecar_silent_seconds: int | None = None
