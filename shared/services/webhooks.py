"""
Webhooks: the endpoint of the instance or of an account, as an operator sets it.

Others write the same row at the same moment: who sets the other half of it, and who disables the endpoint. So a row is
written only where it is still the one that was read, and its headers' secret goes only with the row that named it.
"""

import json
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

from shared.domain.errors import Changed, NotFound
from shared.domain.fields import CustomHeader
from shared.domain.masking import unmasked_headers
from shared.domain.webhooks import Webhook, renewed
from shared.ports.deliveries import WebhookStore
from shared.ports.machine import Machine
from shared.ports.records import Stored
from shared.ports.vault import Vault
from shared.services.lookups import Lookup
from shared.services.replays import Replays


class WebhookChange(Protocol):
    """What a request says of an endpoint; `webhooks` and `webhooks_custom_headers` count where they are named."""

    @property
    def model_fields_set(self) -> AbstractSet[str]:
        """The names of the fields that the request names."""

    @property
    def webhooks_custom_headers(self) -> tuple[CustomHeader, ...] | None:
        """The headers that go with every event."""


@dataclass(frozen=True)
class Webhooks:
    """Sets and forgets endpoints."""

    store: WebhookStore
    lookup: Lookup[Stored[Webhook] | None]
    replays: Replays
    vault: Vault
    machine: Machine

    def url(self, webhook: str) -> str | None:
        """Returns the URL that is set, with the credentials in it."""
        stored = self.store.get(webhook)
        return stored.value.url if stored else None

    def set(self, webhook: str, change: WebhookChange, *, url: str | None, name: str) -> None:
        """
        Writes what *change* names: the endpoint has *url* then; the vault keeps its headers as *name*.

        Raises InvalidRequest for stars that stand for nothing.
        """
        replaced: set[str | None] = set()
        while change.model_fields_set & {"webhooks", "webhooks_custom_headers"}:
            stored = self.store.get(webhook)
            former = stored.value if stored else None
            replaced.add(_headers_of(stored))
            try:
                headers = self._headers(former, change, name)
                self._write(webhook, change, url, headers, stored)
            except Changed:
                continue
            self.lookup.forget(webhook)
            for reference in replaced - {None, headers}:
                self.vault.delete(str(reference))
            return

    def forget(self, webhook: str) -> None:
        """Removes the endpoint and its headers; a second time does nothing."""
        stored = self.store.get(webhook)
        if stored is not None and stored.value.headers:
            self.vault.delete(stored.value.headers)
        self.store.delete(webhook)

    def _headers(self, former: Webhook | None, change: WebhookChange, name: str) -> str | None:
        """Returns the reference to the headers as they are from now on."""
        reference = former.headers if former else None
        if "webhooks_custom_headers" not in change.model_fields_set:
            return reference
        headers = unmasked_headers(change.webhooks_custom_headers or (), self._kept(former) if former else {})
        return self.vault.put(name, json.dumps(headers)) if headers else None

    def _kept(self, former: Webhook) -> dict[str, str]:
        try:
            kept: dict[str, str] = json.loads(self.vault.get(former.headers)) if former.headers else {}
        except NotFound:
            stored = self.store.get(former.id)
            if stored is not None and stored.value.headers != former.headers:
                raise Changed("Somebody set other headers at this moment.") from None
            return {}
        return kept

    def _write(
        self, webhook: str, change: WebhookChange, url: str | None, headers: str | None, stored: Stored[Webhook] | None
    ) -> None:
        former, now = stored.value if stored else None, self.machine.clock.now()
        # A webhook without a URL is kept for its headers; it receives nothing.
        updated = renewed(former, webhook, url or "", headers, now=now)
        if former and "webhooks" not in change.model_fields_set:
            # Other headers do not make it another endpoint.
            updated = former.model_copy(update={"headers": headers, "updated": now})
        elif former and former.disabled and updated.url:
            self.replays.enabling(webhook)
        try:
            if stored:
                self.store.replace(updated, stored.etag)
            else:
                self.store.insert(updated)
        except Changed:
            current = self.store.get(webhook)
            # It names them where it was written, and only the answer was lost.
            if headers and (former is None or headers != former.headers) and _headers_of(current) != headers:
                self.vault.delete(headers)
            raise


def _headers_of(stored: Stored[Webhook] | None) -> str | None:
    return stored.value.headers if stored else None
