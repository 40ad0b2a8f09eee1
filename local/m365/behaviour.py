"""How the simulated service behaves when nothing is broken; every value can be set through the control API."""

from dataclasses import dataclass, fields
from typing import Any


@dataclass(slots=True)
class Behaviour:
    """Durations are seconds unless the name says otherwise."""

    token_lifetime: int = 3599
    # https://learn.microsoft.com/entra/identity-platform/refresh-tokens
    code_lifetime: int = 600
    refresh_token_lifetime: int = 90 * 86400
    #: Whether users may consent for themselves; without it an administrator must have.
    user_consent: bool = True
    #: Scopes that are not granted although they were asked for and consented to.
    withheld_scopes: tuple[str, ...] = ()
    graph_latency: float = 0.01

    # https://learn.microsoft.com/graph/throttling-limits
    limits: bool = True
    mailbox_concurrency: int = 4
    batch_concurrency: int = 4
    retry_after: int = 1
    subscription_writes: int = 500

    # https://learn.microsoft.com/graph/api/resources/subscription
    subscription_ceiling_minutes: float = 10080
    subscription_floor_minutes: float = 45
    subscriptions_per_mailbox: int = 1000
    subscription_page: int = 20
    conflict_on_duplicate: bool = True
    validation: bool = True
    validation_timeout: float = 10
    validation_error_code: str = "InvalidRequest"

    # https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
    notification_latency: float = 0.05
    notifications_per_post: int = 1000
    posts_in_flight: int = 64
    first_timeout: float = 3
    retry_timeout: float = 10
    retry_delay: float = 10
    retry_horizon: float = 4 * 3600
    retry_scale: float = 1
    endpoint_rules: bool = True
    endpoint_window: float = 600
    endpoint_sample: int = 100
    missed_after_drop: bool = True

    def change(self, values: dict[str, Any]) -> None:
        """Sets the named values and refuses a name that does not exist."""
        names = {field.name for field in fields(self)}
        for name, value in values.items():
            if name not in names:
                raise ValueError(f"There is no behaviour {name!r}; there are {', '.join(sorted(names))}.")
            setattr(self, name, value)

    def reset(self) -> None:
        """Returns to the vendor's documented values."""
        for field in fields(self):
            setattr(self, field.name, field.default)
