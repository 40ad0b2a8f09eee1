"""What is expected and what came: each webhook is told as one line, with the time that it took."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from local.receiver import Received
from local.stack.mail import DELIVERED_AT

_LINE = "{time:<14}{event:<23}{account:<11}{about:<36}{latency:>9}  {verdict}"
HEADING = _LINE.format(
    time="time", event="event", account="account", about="about", latency="latency", verdict="signatures"
)
_ABOUT = 34


@dataclass(frozen=True)
class Key:
    """Which webhook: `subject` is a Message-ID for a new message, a message's id for another event about it."""

    event: str
    account: str
    subject: str = ""


@dataclass
class Journal:
    """Remembers when something happened, and hears from the receiver when its webhook came."""

    say: Callable[[str], None]
    _since: dict[Key, float] = field(default_factory=dict)
    _names: dict[Key, str] = field(default_factory=dict)
    _verified: set[Key] = field(default_factory=set)
    _ids: set[str] = field(default_factory=set)
    _refused: list[Received] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def expect(self, key: Key, name: str) -> None:
        """Notes that what *key* tells of happens now; *name* is what a person calls it."""
        with self._changed:
            self._since[key] = time.time()
            self._names[key] = name

    def arrived(self, received: Received) -> None:
        """Notes a webhook and tells of it."""
        key = key_of(received)
        with self._changed:
            again = received.id in self._ids
            if received.verified:
                self._verified.add(key)
                self._ids.add(received.id)
            else:
                self._refused.append(received)
            since = _stamp(received) or self._since.get(key)
            self.say(line(received, self._names.get(key, ""), since, again=again))
            self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Waits until everything expected has come and verified, for some seconds at most; tells whether it has."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting(), seconds)

    def wait_until(self, deadline: float, check: Callable[[], None]) -> None:
        """Waits for what is expected, until *deadline* at most, while *check* raises nothing."""
        while not self.wait(0.5) and time.monotonic() < deadline:
            check()

    def failings(self) -> list[str]:
        """Returns a line for each webhook that is missing, or whose signatures are not accepted."""
        with self._changed:
            missing = [f"missing: {key.event} of {key.account} {self._names[key]}".rstrip() for key in self._waiting()]
            refused = [f"not verified: {each.event} of {each.account}: {each.problem}" for each in self._refused]
        return missing + refused

    @property
    def expected(self) -> int:
        """How many webhooks are expected so far."""
        return len(self._since)

    def _waiting(self) -> list[Key]:
        return [key for key in self._since if key not in self._verified]


def key_of(received: Received) -> Key:
    """Returns which webhook this is."""
    if not received.event.startswith("message"):
        return Key(received.event, received.account)
    told = received.data.get("messageId" if received.event == "messageNew" else "id", "")
    return Key(received.event, received.account, str(told))


def line(received: Received, name: str, since: float | None, *, again: bool = False) -> str:
    """
    Returns the line that tells of a webhook; *since* is when its cause happened, where that is known.

    A webhook may come *again* under the id that it had, as Graph may tell a change again.
    """
    verified = "verified, again" if again else "verified"
    path = received.payload.get("path")
    about = str(received.data.get("subject") or name)
    if path and received.event.startswith("message"):
        about = f"{path}: {about}" if about else str(path)
    moment = datetime.fromtimestamp(received.at).astimezone()
    return _LINE.format(
        time=f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}",
        event=received.event,
        account=received.account,
        about=about if len(about) <= _ABOUT else f"{about[: _ABOUT - 1]}…",
        latency="" if since is None else f"{(received.at - since) * 1000:.0f} ms",
        verdict=verified if received.verified else f"REFUSED ({received.problem})",
    )


def _stamp(received: Received) -> float | None:
    stamps = (received.data.get("headers") or {}).get(DELIVERED_AT.lower(), [])
    return float(stamps[0]) if stamps else None
