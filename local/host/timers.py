"""Timer triggers: one loop per timer, so that it never overlaps itself."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.functions.timer import TimerRequest

from local.host import ncrontab, timespan
from local.host.declared import Declared
from local.host.invocation import Invoker, Retry
from local.host.timer_status import Status, StatusFile

_log = logging.getLogger("Host.Timers")
_LOCK_PAUSE = timedelta(seconds=5)
_MONITORED = timedelta(minutes=1)


@dataclass(frozen=True)
class Timer:
    """Fires one function by its schedule, in UTC."""

    function: Declared
    schedule: ncrontab.Schedule
    status: StatusFile
    invoker: Invoker

    async def run(self, stop: asyncio.Event) -> None:
        """Fires until `stop` is set, while no other host on this machine runs the same timer."""
        if not await self._become_the_one(stop):
            return
        try:
            due = await self._start(datetime.now(UTC))
            while not await _wait_until(stop, due):
                await self.fire(past_due=False)
                due = self._plan(last=due)
        finally:
            self.status.release()

    async def fire(self, *, past_due: bool) -> None:
        """Calls the function once, and again as its retry policy says."""
        known = self.status.read()
        request = TimerRequest(
            past_due=past_due,
            schedule_status=known.as_dict() if known else {},
            schedule={"AdjustForDST": True},
        )
        policy = self.function.retry or {}
        outcome = await self.invoker.invoke(self.function, request)
        count = 0
        while outcome.error is not None and (delay := retry_delay(policy, count)) is not None:
            await asyncio.sleep(delay.total_seconds())
            count += 1
            retry = Retry(count, _max_retries(policy), outcome.error)
            outcome = await self.invoker.invoke(self.function, request, retry)

    async def _become_the_one(self, stop: asyncio.Event) -> bool:
        while not self.status.acquire():
            _log.info("Timer %s runs in another host; this one waits.", self.function.name)
            if await _wait_until(stop, datetime.now(UTC) + _LOCK_PAUSE):
                return False
        return True

    async def _start(self, now: datetime) -> datetime:
        """Fires at once what was missed, or what asks for it, and returns when the timer is due next."""
        known = self.status.read() if self._is_monitored(now) else None
        past_due = known is not None and known.next < now
        if past_due or self.function.trigger.properties.get("runOnStartup") is True:
            await self.fire(past_due=past_due)
            return self._plan(last=now)
        return self._plan(last=known.last if known else None)

    def _plan(self, *, last: datetime | None) -> datetime:
        due = self.schedule.next_after(datetime.now(UTC))
        self.status.write(Status(last, due))
        return due

    def _is_monitored(self, now: datetime) -> bool:
        due = self.schedule.next_after(now)
        often = self.schedule.next_after(due) - due < _MONITORED
        return not often and self.function.trigger.properties.get("useMonitor") is not False


# https://learn.microsoft.com/azure/azure-functions/functions-bindings-error-pages#retry-policies
def retry_delay(policy: Mapping[str, Any], count: int) -> timedelta | None:
    """Returns the pause before retry `count + 1`, or None when the policy gives up or there is none."""
    most = _max_retries(policy)
    if not policy or 0 <= most <= count:
        return None
    if policy.get("strategy") == "fixed_delay":
        return timespan.parse(policy.get("delay_interval") or "00:00:00")
    shortest = timespan.parse(policy.get("minimum_interval") or "00:00:00.1")
    longest = timespan.parse(policy.get("maximum_interval") or "00:00:10")
    return min(longest, shortest * (2.0 ** min(count, 20) * random.uniform(0.8, 1.2)))


def _max_retries(policy: Mapping[str, Any]) -> int:
    return int(policy.get("max_retry_count") or 0)


async def _wait_until(stop: asyncio.Event, moment: datetime) -> bool:
    """Waits for the moment; tells whether `stop` came first."""
    while not stop.is_set() and (left := (moment - datetime.now(UTC)).total_seconds()) > 0:
        with contextlib.suppress(TimeoutError):
            # At most a minute at once, so that a machine that slept wakes up in time.
            await asyncio.wait_for(stop.wait(), min(left, 60.0))
    return stop.is_set()
