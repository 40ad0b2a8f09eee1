"""The instance's settings: read on every delivery, written by the operator, with its secrets in the vault."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shared.domain.errors import Changed
from shared.domain.fields import check_scheme
from shared.domain.instance_settings import (
    FormerSecrets,
    InstanceSettings,
    InstanceSettingsChange,
    InstanceSettingsQuery,
    view,
)
from shared.domain.masking import unmasked_url
from shared.domain.signatures import SigningSecret, valid_at
from shared.domain.webhooks import DEFAULT
from shared.ports.machine import Machine
from shared.ports.records import Stored
from shared.ports.state import InstanceSettingsStore
from shared.ports.vault import Vault
from shared.services.lookups import Lookup
from shared.services.webhooks import Webhooks

# A receiver has a day to learn a new secret; until then both sign.
_GRACE = timedelta(hours=24)
# How long other processes may go on with the settings that they know.
_HEARD = timedelta(seconds=10)
_PLAIN = (
    "webhooks_enabled",
    "webhooks",
    "webhook_events",
    "service_url",
    "notify_text",
    "notify_text_size",
    "notify_headers",
    "inbox_new_only",
    "page_brand_name",
    "page_logo",
    "page_color",
    "page_support",
)
_UNSET = InstanceSettings()


@dataclass(frozen=True)
class InstanceSettingsService:
    """Reads and changes the instance's settings; `public_url` is what the deployment names where nobody set another."""

    store: InstanceSettingsStore
    webhooks: Webhooks
    vault: Vault
    cached: Lookup[InstanceSettings]
    machine: Machine
    public_url: str | None
    allow_http: bool

    def current(self) -> InstanceSettings:
        """Returns the settings, at most a few seconds old, `service_url` filled in from the deployment."""
        settings = self.cached.get("")
        if settings.service_url is None and self.public_url is not None:
            return settings.model_copy(update={"service_url": self.public_url})
        return settings

    def secrets(self) -> list[str]:
        """Returns the service secrets that sign now, the newest first; the first call ever makes one."""
        settings = self.current()
        reference = settings.secrets or self._first_secret()
        return valid_at(self._read(reference), self.machine.clock.now())

    def show(self, query: InstanceSettingsQuery) -> dict[str, Any]:
        """Returns the settings that *query* asks for, as the API shows them."""
        return view(self.current(), query)

    def change(self, change: InstanceSettingsChange) -> list[str]:
        """
        Writes what *change* names and returns the names.

        A new service secret signs beside the former for a day, unless the change grants none.
        """
        given = change.model_fields_set
        if "webhooks" in given:
            url = unmasked_url(change.webhooks, self.webhooks.url(DEFAULT))
            change = change.model_copy(update={"webhooks": url})
        check_scheme(change.webhooks, allow_http=self.allow_http)
        while True:
            stored = self.store.get()
            settings = stored.value if stored else _UNSET
            # After the row was read and before it is written: so who writes the row last also wrote the webhook last.
            self.webhooks.set(DEFAULT, change, url=change.webhooks, name="webhook-headers-default")
            update: dict[str, Any] = {name: getattr(change, name) for name in _PLAIN if name in given}
            defaults = {name: getattr(_UNSET, name) for name, value in update.items() if value is None}
            update |= defaults
            update |= self._rotated(settings, change)
            if "webhooks_custom_headers" in given:
                update["custom_header_names"] = tuple(header.key for header in change.webhooks_custom_headers or ())
            try:
                self._write(settings.model_copy(update=update), stored)
            except Changed:
                self._discard(update)
                continue
            self.cached.forget("")
            self.machine.log.event("settings.changed", names=sorted(given))
            return [InstanceSettingsChange.model_fields[name].alias or name for name in sorted(given)]

    def forget_secrets(self) -> int:
        """Removes from the vault the service secrets that sign no more, and returns how many references went."""
        stored, now = self.store.get(), self.machine.clock.now()
        if stored is None or stored.value.secrets is None:
            return 0
        settings = stored.value
        over = [former for former in settings.former_secrets if former.until <= now]
        for former in over:
            # The vault comes before the row: a crash in between repeats it, and the other order could leave a secret.
            self.vault.delete(former.reference)
        left = settings.model_copy(
            update={"former_secrets": tuple(former for former in settings.former_secrets if former not in over)}
        )
        update: dict[str, Any] = {}
        kept = self._read(stored.value.secrets)
        signing = [secret for secret in kept if secret.expires is None or secret.expires > now]
        if len(signing) < len(kept):
            update = self._succeeded(left, self._keep_secrets(signing))
        if not over and not update:
            return 0
        try:
            self._write(left.model_copy(update=update), stored)
        except Changed:
            # Somebody changes the settings at this moment; the next night finds the rest.
            self._discard(update)
        self.cached.forget("")
        return len(over)

    def _succeeded(self, settings: InstanceSettings, reference: str) -> dict[str, Any]:
        """Returns what changes when *reference* takes the place of the secrets, which others may read for a while."""
        if settings.secrets is None:
            return {"secrets": reference}
        former = FormerSecrets(reference=settings.secrets, until=self.machine.clock.now() + _GRACE)
        return {"secrets": reference, "former_secrets": (*settings.former_secrets, former)}

    def _discard(self, update: dict[str, Any]) -> None:
        """Has the vault forget secrets that were kept for a write, unless it happened and only its answer was lost."""
        stored = self.store.get()
        if "secrets" in update and (stored is None or not stored.value.names(update["secrets"])):
            self.vault.delete(update["secrets"])

    def _read(self, reference: str) -> list[SigningSecret]:
        return [SigningSecret.model_validate(secret) for secret in json.loads(self.vault.get(reference))]

    def _write(self, settings: InstanceSettings, stored: Stored[InstanceSettings] | None) -> None:
        if stored is None:
            self.store.insert(settings)
        else:
            self.store.replace(settings, stored.etag)

    def _rotated(self, settings: InstanceSettings, change: InstanceSettingsChange) -> dict[str, Any]:
        """Returns what changes where *change* brings a service secret, or has the former ones end now."""
        ending = change.service_secret_grace is False
        if change.service_secret is None and not ending:
            return {}
        held = self._read(settings.secrets) if settings.secrets else []
        newest = change.service_secret or next((entry.value for entry in held), None)
        if newest is None:
            return {}
        now = self.machine.clock.now()
        until = now if ending else now + _GRACE
        kept = [SigningSecret(value=newest)]
        for entry in held:
            expires = min(entry.expires or until, until)
            if entry.value != newest and expires > now:
                kept.append(entry.model_copy(update={"expires": expires}))
        update = self._succeeded(settings, self._keep_secrets(kept))
        return {**update, "links_from": now + _HEARD} if ending else update

    def _first_secret(self) -> str:
        reference = self._keep_secrets([SigningSecret(value=self.machine.randomness.token())])
        while True:
            stored = self.store.get()
            if stored is not None and stored.value.secrets is not None:
                # It is ours where a first try has written it, and only its answer was lost.
                if not stored.value.names(reference):
                    self.vault.delete(reference)
                self.cached.forget("")
                return stored.value.secrets
            settings = (stored.value if stored else _UNSET).model_copy(update={"secrets": reference})
            try:
                self._write(settings, stored)
            except Changed:
                continue
            self.cached.forget("")
            return reference

    def _keep_secrets(self, secrets: list[SigningSecret]) -> str:
        return self.vault.put("service-secret", json.dumps([secret.model_dump(mode="json") for secret in secrets]))
