"""Replacements: what a test puts in the place of the outside."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.ports.deliveries import WebhookSender
    from shared.ports.machine import Clock, Log
    from shared.ports.mail import MailBackend
    from shared.ports.microsoft365 import (
        EndpointProbe,
        History,
        Mailboxes,
        MessageReader,
        Subscriptions,
        TokenInspector,
        TokenSource,
    )
    from shared.ports.sign_ins import GrantTokens, SignIns
    from shared.ports.vault import Vault


@dataclass(frozen=True)
class Replacements:
    """What a test puts in the place of the outside; whatever is None is the real adapter."""

    clock: "Clock | None" = None
    log: "Log | None" = None
    vault: "Vault | None" = None
    token_source: "TokenSource | None" = None
    token_inspector: "TokenInspector | None" = None
    reader: "MessageReader | None" = None
    mailboxes: "Mailboxes | None" = None
    subscriptions: "Subscriptions | None" = None
    sender: "WebhookSender | None" = None
    endpoint: "EndpointProbe | None" = None
    sidecar: "MailBackend | None" = None
    history: "History | None" = None
    code_flow: "SignIns | None" = None
    grant_tokens: "GrantTokens | None" = None


NOTHING_REPLACED = Replacements()
