"""What the settings choose for the use cases."""

from datetime import timedelta

from shared.domain.client_state import ClientStates
from shared.domain.tokens import token_id
from shared.services.assembly.options import Options
from shared.settings import Settings

# A read waits a moment for company, and a row, which comes after the POST, a little longer; in seconds.
_READ_PACE = 0.02
_ROW_PACE = 0.25


def options_of(settings: Settings) -> Options:
    """Returns the options that *settings* stand for."""
    return Options(
        client_states=ClientStates(settings.client_state_key_map),
        first_tokens=tuple(map(token_id, settings.api_tokens)),
        public_url=settings.public_url,
        allow_http=settings.webhook_allow_http,
        schedule=settings.retry_schedule,
        payload_retention=timedelta(days=settings.payload_retention_days),
        retention=timedelta(days=settings.retention_days),
        sweep_interval=timedelta(minutes=settings.sweep_minutes),
        poll_interval=timedelta(seconds=settings.poll_seconds),
        watched_folders=settings.sweep_folders,
        read_pace=_READ_PACE,
        row_pace=_ROW_PACE,
    )
