"""NCRONTAB, the six-field schedule of timer triggers: {second} {minute} {hour} {day} {month} {day-of-week}."""

import bisect
import itertools
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = (("second", 0, 59), ("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 6))
_LEAP_CYCLE_DAYS = 8 * 366  # 29 February comes back within eight years, over a century's missing leap day too.


@dataclass(frozen=True)
class Schedule:
    """The moments at which a timer fires, in UTC as on the Flex Consumption plan."""

    text: str
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    times: tuple[time, ...]

    def next_after(self, moment: datetime) -> datetime:
        """Returns the first occurrence later than the moment; a day must fit its day, month and weekday fields all."""
        later_today = self.times[bisect.bisect_right(self.times, moment.time()) :]
        if later_today and self._runs_on(moment.date()):
            return datetime.combine(moment.date(), later_today[0], tzinfo=moment.tzinfo)
        for day in (moment.date() + timedelta(days=ahead) for ahead in range(1, _LEAP_CYCLE_DAYS)):
            if self._runs_on(day):
                return datetime.combine(day, self.times[0], tzinfo=moment.tzinfo)
        raise ValueError(f"the schedule {self.text!r} never fires")

    def _runs_on(self, day: date) -> bool:
        return day.day in self.days and day.month in self.months and day.isoweekday() % 7 in self.weekdays


def parse(text: str) -> Schedule:
    """Reads an expression of six fields, or of five with the second 0; anything else is a ValueError."""
    # https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions
    parts = text.split()
    if len(parts) == 5:
        parts = ["0", *parts]
    if len(parts) != 6:
        raise ValueError(f"the schedule {text!r} has {len(parts)} fields, but NCRONTAB has six")
    seconds, minutes, hours, days, months, weekdays = (
        _field(part, name, low, high) for part, (name, low, high) in zip(parts, _FIELDS, strict=True)
    )
    times = tuple(time(h, m, s) for h, m, s in itertools.product(sorted(hours), sorted(minutes), sorted(seconds)))
    return Schedule(text, days, months, weekdays, times)


def _field(text: str, name: str, low: int, high: int) -> frozenset[int]:
    values: set[int] = set()
    for item in text.split(","):
        span, _, step = item.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            start, end = low, high
        else:
            start = _value(first, name)
            # `5/15` counts from 5 to the end, `5` stands for itself.
            end = _value(last, name) if dash else (high if step else start)
        start, end = min(start, end), max(start, end)
        if start < low or end > high or (step and not step.isdigit()) or step == "0":
            raise ValueError(f"{item!r} is no {name}: it goes from {low} to {high}")
        values.update(range(start, end + 1, int(step or 1)))
    return frozenset(values)


def _value(text: str, name: str) -> int:
    if text.isdigit():
        return int(text)
    names = {"month": _MONTHS, "weekday": _DAYS}.get(name, ())
    short = text[:3].lower()
    if short not in names:
        raise ValueError(f"{text!r} is no {name}")
    return names.index(short) + (1 if name == "month" else 0)
