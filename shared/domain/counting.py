"""Counting: which series a log event adds to, and how much."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from shared.domain.metrics import METRICS, Count, Kind, Metric, series


def _by_event() -> dict[str, list[tuple[Metric, Count]]]:
    found: defaultdict[str, list[tuple[Metric, Count]]] = defaultdict(list)
    for metric in METRICS:
        for count in metric.counts:
            found[count.event].append((metric, count))
    return dict(found)


# Every line of the log is looked up here.
_BY_EVENT = _by_event()


def counted(event: str, fields: Mapping[str, object]) -> Iterator[tuple[str, float]]:
    """Returns which series a log event adds to, and how much; what it does not say adds nothing."""
    for metric, count in _BY_EVENT.get(event, ()):
        if count.where is not None and str(fields.get(count.where)) != count.equals:
            continue
        if count.each is not None:
            yield from _each(metric, count, fields.get(count.each))
            continue
        amount = 1 if count.amount is None else fields.get(count.amount)
        if isinstance(amount, int | float):
            values = (label.value(fields) for label in count.labels)
            yield from _added(metric, series(metric, *values), amount * count.scale)


def _each(metric: Metric, count: Count, amounts: object) -> Iterator[tuple[str, float]]:
    if isinstance(amounts, Mapping):
        (label,) = count.labels
        for word, amount in amounts.items():
            if isinstance(amount, int | float):
                yield series(metric, label.words.get(str(word), label.otherwise)), amount


def _added(metric: Metric, name: str, amount: float) -> Iterator[tuple[str, float]]:
    if metric.kind is not Kind.HISTOGRAM:
        yield name, amount
        return
    bucket = next((str(number) for number, bound in enumerate(metric.buckets) if amount <= bound), "over")
    yield f"{name} {bucket}", 1
    yield f"{name} sum", amount
