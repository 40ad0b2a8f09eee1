"""The request that carries an event: its headers, of Standard Webhooks and of EmailEngine, over the same bytes."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from shared.domain.deliveries import DeliveryKey
from shared.domain.signatures import emailengine_signature, standard_signature


def headers(
    key: DeliveryKey,
    body: bytes,
    *,
    attempts_made: int,
    learned: datetime,
    now: datetime,
    secrets: Sequence[str],
    custom: Mapping[str, str],
) -> dict[str, str]:
    """
    Returns the headers of one attempt, signed at *now* with every secret that is valid, the newest first.

    *custom* headers come first, so that none of them can stand in for one of ours.
    """
    timestamp = int(now.timestamp())
    ours = {
        "Content-Type": "application/json",
        "webhook-id": key.event_id,
        "webhook-timestamp": str(timestamp),
        "X-EE-Wh-Id": key.id,
        "X-EE-Wh-Event-Id": key.event_id,
        "X-EE-Wh-Attempts-Made": str(attempts_made),
        "X-EE-Wh-Queued-Time": f"{max(0, int((now - learned).total_seconds()))}s",
    }
    if secrets:
        ours["webhook-signature"] = standard_signature(secrets, key.event_id, timestamp, body)
        ours["X-EE-Wh-Signature"] = emailengine_signature(secrets[0], body)
    return {**custom, **ours}
