"""Deliveries to customers' endpoints: what is kept of them, and the POST."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.domain.deliveries import Delivery, DeliveryKey, DeliveryQuery, Outcome
from shared.domain.webhooks import Webhook
from shared.ports.records import Page, Stored


class WebhookStore(Protocol):
    """Keeps webhooks by id."""

    def get(self, webhook: str) -> Stored[Webhook] | None:
        """Returns the webhook as it is now."""

    def insert(self, webhook: Webhook) -> None:
        """Adds a webhook; raises Changed where its id is taken."""

    def replace(self, webhook: Webhook, etag: str) -> None:
        """Overwrites the webhook that was read with *etag*; raises Changed where it is another one now, or gone."""

    def delete(self, webhook: str) -> None:
        """Removes the webhook; a second time does nothing."""


class DeliveryStore(Protocol):
    """Keeps deliveries with the bytes that they send."""

    def add(self, deliveries: Sequence[tuple[Delivery, bytes]]) -> None:
        """
        Stores deliveries with their payloads, as few writes as the store allows.

        Where a row exists already, it stays as it is, unless the new one overrules it: only a delivered one does. So
        who comes late takes nothing back, and any order of crashes and repetitions converges.
        """

    def get(self, key: DeliveryKey) -> Stored[Delivery] | None:
        """Returns the delivery without its payload."""

    def payload(self, key: DeliveryKey) -> bytes | None:
        """Returns the exact bytes that were stored, or None where they have expired."""

    def replace(self, delivery: Delivery, etag: str) -> None:
        """Overwrites the delivery that was read with *etag*, not its payload; raises Changed where it is another."""

    def page(self, query: DeliveryQuery, position: dict[str, str] | None, limit: int) -> Page[Delivery]:
        """Returns up to *limit* deliveries that *query* asks for, the newest day first."""


@dataclass(frozen=True, slots=True)
class Post:
    """One POST to a webhook: `lane` keeps a slow endpoint from holding up the others."""

    lane: str
    url: str
    headers: Mapping[str, str]
    body: bytes


BUSY = Outcome(error="busy", milliseconds=0)


class WebhookSender(Protocol):
    """Posts to customers' endpoints, and to nothing else."""

    def send(self, posts: Sequence[Post]) -> list[Outcome]:
        """
        Makes all POSTs in parallel and returns their outcomes in the same order; never raises.

        A POST whose lane stays full for a while is not made and comes back as BUSY. Redirects are not followed, private
        and platform addresses are refused when connecting, an answer is bounded in time and size.
        """
