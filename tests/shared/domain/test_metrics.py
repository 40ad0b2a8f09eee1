"""Metrics: the list is in itself right, and of what the log says."""

import re

from shared.domain.log_events import EVENTS
from shared.domain.metrics import METRICS, Kind


def test_labels_fit_their_metric() -> None:
    """Every count gives its metric as many labels as that has, each a word without a space; names are told once."""
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", metric.name)
        assert (metric.kind is Kind.HISTOGRAM) == bool(metric.buckets)
        assert metric.buckets == tuple(sorted(metric.buckets))
        for count in metric.counts:
            assert tuple(label.name for label in count.labels) == metric.labels
            words = [word for label in count.labels for word in (*label.words.values(), label.otherwise)]
            assert [word for word in words if not re.fullmatch(r"\w+", word)] == []


def test_only_what_the_log_says_is_counted() -> None:
    """Every line that is counted is in the log's vocabulary, with the fields that are looked at."""
    written = {event.name: event.fields for event in EVENTS}
    counts = [count for metric in METRICS for count in metric.counts]
    assert {count.event for count in counts} - written.keys() == set()
    missing = [
        (count.event, name)
        for count in counts
        for name in (count.amount, count.each, count.where, *(label.field for label in count.labels))
        if name is not None and name not in written[count.event]
    ]
    assert missing == []
