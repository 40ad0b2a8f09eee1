"""What a timer remembers between two runs of the host, and who runs it while two hosts are up."""

import fcntl
import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO


@dataclass(frozen=True)
class Status:
    """When a timer ran last, and when it is due next."""

    last: datetime | None
    next: datetime

    def as_dict(self) -> dict[str, str]:
        """Returns the words of func.TimerRequest.schedule_status."""
        last = self.last.isoformat() if self.last else "0001-01-01T00:00:00+00:00"
        return {"Last": last, "Next": self.next.isoformat(), "LastUpdated": last}


class StatusFile:
    """One timer's file: its content is the status, the lock on it makes the timer a singleton."""

    def __init__(self, folder: Path, function: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{function}.json"
        self._lock: IO[str] | None = None

    def acquire(self) -> bool:
        """Takes the lock unless another host holds it; the system frees it when its holder dies."""
        if self._lock is None:
            lock = self._path.with_suffix(".lock").open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                return False
            self._lock = lock
        return True

    def release(self) -> None:
        """Lets another host run the timer."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def read(self) -> Status | None:
        """Returns what was written last, or None when there is nothing readable."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            content = json.loads(self._path.read_text())
            last = content["last"]
            return Status(datetime.fromisoformat(last) if last else None, datetime.fromisoformat(content["next"]))
        return None

    def write(self, status: Status) -> None:
        """Replaces the status in one step."""
        content = {"last": status.last.isoformat() if status.last else None, "next": status.next.isoformat()}
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(content))
        fresh.replace(self._path)
