"""
Streams: how many executions of which function there are, and for how long instances are billed for them.

Flex Consumption scales each group of functions by itself, and bills an instance while it executes anything: a second at
least, however many executions share it.
https://learn.microsoft.com/azure/azure-functions/functions-consumption-costs
"""

from dataclasses import dataclass
from math import ceil, exp

from infra.costs.deployed import timer_runs
from infra.costs.inputs import Figures
from infra.costs.load import Load

DAYS = 365 / 12
SECONDS = DAYS * 86_400


@dataclass(frozen=True)
class Stream:
    """
    Executions of one group of functions: so many a second, in `share` of the time.

    Each takes `seconds`, most of them waiting, and `cpu` seconds of a processor; an instance has `together` at once.
    """

    function: str
    rate: float
    share: float
    seconds: float
    cpu: float
    together: float

    @property
    def executions(self) -> float:
        """How many there are a month."""
        return self.rate * self.share * SECONDS

    def instances(self, load: Load, figures: Figures) -> int:
        """Returns how many instances they need while they come."""
        processors = self.rate * self.cpu / (load.processors * figures.processor_use.value)
        return max(1, ceil(processors), ceil(self.rate * self.seconds / self.together))

    def billed_seconds(self, load: Load, figures: Figures) -> float:
        """Returns for how many seconds of instances a month is billed, executions coming by chance."""
        return self._busy(max(self.seconds, figures.shortest_billed_seconds.value), load, figures)

    def alive_seconds(self, load: Load, figures: Figures) -> float:
        """Returns for how many seconds a month instances are there and poll, which is not billed."""
        return self._busy(self.seconds + figures.linger_seconds.value, load, figures)

    def _busy(self, seconds: float, load: Load, figures: Figures) -> float:
        number = self.instances(load, figures)
        # Where so many are under way on average, by chance none is in this share of the time.
        none = exp(-self.rate / number * seconds)
        return number * (1 - none) * self.share * SECONDS


def posts(load: Load, figures: Figures) -> Stream:
    """Returns the notifications that Graph posts."""
    told = load.by_graph * _a_second(load, figures) * figures.notifications_per_event.value
    return Stream(
        function="notifications",
        rate=told / figures.notifications_per_post.value,
        share=figures.busy_hours.value / 24,
        seconds=figures.post_seconds.value,
        cpu=figures.post_cpu_ms.value / 1000,
        together=figures.posts_at_a_time.value,
    )


def changes(load: Load, figures: Figures) -> Stream:
    """Returns the messages of the queue `changes`: what comes to an instance while a put is made shares the next."""
    coming = posts(load, figures)
    of_one = coming.rate / coming.instances(load, figures)
    puts = coming.rate / (1 + of_one * figures.gathering_seconds.value)
    puts += load.by_sidecar * _a_second(load, figures)
    messages = puts * (1 + figures.looked_again_share.value)
    told = load.accounts * _a_second(load, figures)
    return Stream(
        function="changes",
        rate=messages,
        share=figures.busy_hours.value / 24,
        seconds=figures.message_seconds.value,
        cpu=told / messages * figures.event_cpu_ms.value / 1000 if messages else 0,
        together=figures.messages_at_a_time.value,
    )


def retries(load: Load, figures: Figures) -> Stream:
    """Returns the further attempts of deliveries that failed."""
    return Stream(
        function="retries",
        rate=load.accounts * _a_second(load, figures) * figures.retry_share.value,
        share=figures.busy_hours.value / 24,
        seconds=figures.retry_seconds.value,
        cpu=figures.event_cpu_ms.value / 1000,
        together=figures.messages_at_a_time.value,
    )


def jobs(load: Load, figures: Figures) -> Stream:
    """Returns the messages of the queue `jobs`: what a tick finds due shares them, and is done one after the other."""
    tick = figures.tick_minutes.value * 60
    due = (sweeps(load) + renewals(load, figures)) / SECONDS * tick
    messages = due if due < 1 else max(1, due / figures.jobs_per_message.value)
    each = due / messages if messages else 1
    return Stream(
        function="jobs",
        rate=messages / tick,
        share=1,
        seconds=each * figures.job_seconds.value,
        cpu=each * figures.sweep_cpu_ms.value / 1000,
        together=figures.messages_at_a_time.value,
    )


def timers() -> Stream:
    """Returns the timers' runs."""
    return Stream("timers", rate=timer_runs() / 86_400, share=1, seconds=1, cpu=0, together=1)


def queued(load: Load, figures: Figures) -> tuple[Stream, ...]:
    """Returns what is taken from queues."""
    return changes(load, figures), retries(load, figures), jobs(load, figures)


def events(load: Load) -> float:
    """Returns how many events are told a month."""
    return load.accounts * load.events * DAYS


def payload(load: Load, figures: Figures) -> float:
    """Returns the bytes of an event."""
    return figures.payload_bytes.value + load.text * 1000


def sweeps(load: Load) -> float:
    """Returns how many sweeps there are a month."""
    return load.by_graph * DAYS * 1440 / load.sweep_minutes


def renewals(load: Load, figures: Figures) -> float:
    """Returns how many renewals of subscriptions there are a month."""
    return load.by_graph * DAYS / figures.renewal_days.value


def _a_second(load: Load, figures: Figures) -> float:
    """Returns how many events a mailbox has a second, in the busy hours."""
    return load.events / (figures.busy_hours.value * 3600)
