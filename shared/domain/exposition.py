"""Exposition: metrics as the text that Prometheus reads, version 0.0.4."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from shared.domain.metrics import METRICS, Kind, Metric

# https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def exposition(sums: Mapping[str, float]) -> str:
    """Returns the text of the series in *sums*; a counter without labels is told as 0 before it counted anything."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for name, value in sums.items():
        metric, *values = name.split(" ")
        found.setdefault(metric, {})[tuple(values)] = value
    return "\n".join(line for metric in METRICS for line in _lines(metric, found.get(metric.name, {}))) + "\n"


def _lines(metric: Metric, samples: Mapping[tuple[str, ...], float]) -> Iterator[str]:
    if not samples and (metric.labels or metric.kind is Kind.GAUGE):
        return
    yield f"# HELP {metric.name} {metric.help}"
    yield f"# TYPE {metric.name} {metric.kind}"
    if metric.kind is Kind.HISTOGRAM:
        yield from _histogram(metric, samples)
        return
    for values, value in sorted((samples or {(): 0}).items()):
        yield f"{metric.name}{_labels(zip(metric.labels, values, strict=False))} {_number(value)}"


def _histogram(metric: Metric, samples: Mapping[tuple[str, ...], float]) -> Iterator[str]:
    """Writes a histogram without labels; each of its buckets holds those below it too."""
    each = [samples.get((str(number),), 0) for number in range(len(metric.buckets))]
    totals = list(accumulate([*each, samples.get(("over",), 0)]))
    for bound, total in zip((*map(_number, metric.buckets), "+Inf"), totals, strict=True):
        yield f"{metric.name}_bucket{_labels([('le', bound)])} {_number(total)}"
    yield f"{metric.name}_sum {_number(samples.get(('sum',), 0))}"
    yield f"{metric.name}_count {_number(totals[-1])}"


def _labels(pairs: Iterable[tuple[str, str]]) -> str:
    written = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in pairs)
    return f"{{{written}}}" if written else ""


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
