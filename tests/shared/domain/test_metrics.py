"""Metrics: the list is in itself right, of what the log says, and what docs/metrics.md shows."""

import re
from pathlib import Path

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


def test_the_page_shows_the_metrics(root: Path) -> None:
    """docs/metrics.md has the table of the metrics as they stand here."""
    page = (root / "docs" / "metrics.md").read_text(encoding="utf-8")
    shown = [line for line in page.splitlines() if line.startswith("| `")]
    assert shown == [
        f"| `{metric.name}` | {metric.kind} | {' '.join(f'`{label}`' for label in metric.labels)} | {metric.help} |"
        for metric in METRICS
    ]
