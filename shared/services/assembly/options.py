"""What an operator chooses, as far as the use cases ask."""

from dataclasses import dataclass
from datetime import timedelta

from shared.domain.client_state import ClientStates


@dataclass(frozen=True, kw_only=True)
class Options:
    """
    What an operator chooses.

    `read_pace` and `row_pace` are how many seconds a read and a row may wait for company under load.
    """

    client_states: ClientStates
    first_tokens: tuple[str, ...]
    public_url: str | None
    allow_http: bool
    schedule: tuple[timedelta, ...]
    payload_retention: timedelta
    retention: timedelta
    sweep_interval: timedelta
    poll_interval: timedelta
    watched_folders: tuple[str, ...]
    tick_spread: timedelta = timedelta(minutes=3)
    read_pace: float = 0.0
    row_pace: float = 0.0
