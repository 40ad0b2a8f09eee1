"""
One queue of a storage account, over its REST interface.

The SDK costs 2 ms of CPU per call, this a quarter of that, and the benchmark shares two cores with the host; the
product itself uses the SDK, so both meet on the same queues in every test.
"""

import asyncio
import base64
import hashlib
import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import quote, unquote, urlsplit
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import aiohttp
from azure.core.credentials import AccessToken
from yarl import URL

from local.host.connections import Account

_log = logging.getLogger("Host.Storage")
_VERSION = "2024-11-04"
_TRIES = 4


class StorageRefusal(Exception):
    """The storage service refuses a request, with its status and error code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"the storage service answers {status} {code}")
        self.status = status
        self.code = code


class StorageUnreachable(Exception):
    """Nothing answers at the storage endpoint."""


@dataclass
class Message:
    """A message as it was taken off the queue; a renewal replaces its pop receipt."""

    id: str
    text: str
    pop_receipt: str
    dequeue_count: int
    inserted: datetime
    expires: datetime
    next_visible: datetime


class StorageQueue:
    """Five operations on one queue."""

    def __init__(self, session: aiohttp.ClientSession, account: Account, name: str) -> None:
        self.name = name
        self.account = account
        self._session = session
        self._path = f"/{name}"
        self._token: AccessToken | None = None

    async def create(self) -> None:
        """Creates the queue, or leaves the one that exists."""
        await self._send("PUT", self._path, {})

    async def get(self, count: int, lease: timedelta) -> list[Message]:
        """Takes up to `count` messages and hides them for the time of the lease."""
        query = {"numofmessages": str(count), "visibilitytimeout": _seconds(lease)}
        content, _ = await self._send("GET", f"{self._path}/messages", query)
        root = ET.fromstring(content)  # noqa: S314  the XML is the storage account's own
        return [_message(element) for element in root]

    async def put(self, text: str) -> None:
        """Adds a message that lives for the service's default of seven days."""
        body = f"<QueueMessage><MessageText>{escape(text)}</MessageText></QueueMessage>".encode()
        await self._send("POST", f"{self._path}/messages", {}, body)

    async def delete(self, message: Message) -> None:
        """Deletes a message by the pop receipt last known."""
        query = {"popreceipt": message.pop_receipt}
        await self._send("DELETE", f"{self._path}/messages/{message.id}", query)

    async def hide(self, message: Message, period: timedelta) -> None:
        """Makes a message visible again after the period, and keeps its new pop receipt."""
        query = {"popreceipt": message.pop_receipt, "visibilitytimeout": _seconds(period)}
        _, headers = await self._send("PUT", f"{self._path}/messages/{message.id}", query)
        message.pop_receipt = headers["x-ms-popreceipt"]

    async def _send(
        self, method: str, path: str, query: Mapping[str, str], body: bytes = b""
    ) -> tuple[bytes, Mapping[str, str]]:
        for attempt in range(1, _TRIES + 1):
            try:
                return await self._send_once(method, path, query, body)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                if attempt == _TRIES:
                    raise StorageUnreachable(f"{self.account.url}: {error or type(error).__name__}") from error
            except StorageRefusal as refusal:
                if attempt == _TRIES or refusal.status < 500:
                    raise
            await asyncio.sleep(0.1 * 2**attempt)
        raise AssertionError("the last attempt returns or raises")

    async def _send_once(
        self, method: str, path: str, query: Mapping[str, str], body: bytes
    ) -> tuple[bytes, Mapping[str, str]]:
        headers = {"x-ms-date": format_datetime(datetime.now(UTC), usegmt=True), "x-ms-version": _VERSION}
        if body:
            headers["Content-Type"] = "application/xml"
            headers["Content-Length"] = str(len(body))
        headers["Authorization"] = await self._authorization(method, path, query, headers)
        encoded = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
        url = URL(f"{self.account.url}{path}{'?' + encoded if encoded else ''}", encoded=True)
        async with self._session.request(
            method, url, data=body or None, headers=headers, skip_auto_headers=("Content-Type",)
        ) as response:
            content = await response.read()
            if response.status >= 400:
                raise StorageRefusal(response.status, response.headers.get("x-ms-error-code", response.reason or ""))
            return content, response.headers

    async def _authorization(self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
        if self.account.key is None:
            return f"Bearer {await self._bearer()}"
        return shared_key(self.account, method, path, query, headers)

    async def _bearer(self) -> str:
        if self._token is None or self._token.expires_on < datetime.now(UTC).timestamp() + 300:
            credential = self.account.credential
            if credential is None:
                raise StorageRefusal(401, "NoCredential")
            self._token = await asyncio.to_thread(credential.get_token, "https://storage.azure.com/.default")
        return self._token.token


# https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
def shared_key(account: Account, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """Signs a request with the account's key."""
    if account.key is None:
        raise ValueError("an account without a key signs nothing")
    resource = f"/{account.name}{unquote(urlsplit(account.url).path)}{path}"
    resource += "".join(f"\n{name}:{query[name]}" for name in sorted(query))
    own = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers) if name.startswith("x-ms-"))
    length, content_type = headers.get("Content-Length", ""), headers.get("Content-Type", "")
    text = f"{method}\n\n\n{length}\n\n{content_type}\n\n\n\n\n\n\n{own}{resource}"
    digest = hmac.digest(base64.b64decode(account.key), text.encode(), hashlib.sha256)
    return f"SharedKey {account.name}:{base64.b64encode(digest).decode()}"


def _message(element: ET.Element) -> Message:
    value = {child.tag: child.text or "" for child in element}
    return Message(
        id=value["MessageId"],
        text=value.get("MessageText", ""),
        pop_receipt=value["PopReceipt"],
        dequeue_count=int(value["DequeueCount"]),
        inserted=parsedate_to_datetime(value["InsertionTime"]),
        expires=parsedate_to_datetime(value["ExpirationTime"]),
        next_visible=parsedate_to_datetime(value["TimeNextVisible"]),
    )


def _seconds(period: timedelta) -> str:
    return str(int(period.total_seconds()))
