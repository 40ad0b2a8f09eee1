"""Exposition: the text is what Prometheus reads."""

import re

from shared.domain.exposition import exposition
from shared.domain.metrics import ACCOUNTS, CREDENTIAL_DAYS, METRICS, Kind, series

# https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details
SAMPLE = re.compile(
    r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)"
    r'(?:\{(?P<labels>[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\n"])*"(?:,[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\n"])*")*)\})?'
    r" (?P<value>-?\d+(?:\.\d+)?(?:e-?\d+)?|\+Inf)"
)
SUMS = {
    "events messageNew": 12,
    "events messageDeleted": 1,
    "webhooks success messageNew": 11,
    "webhook_req 0": 3,
    "webhook_req 2": 2,
    "webhook_req over": 1,
    "webhook_req sum": 61_234.5,
    "of_a_newer_version": 4,
    series(ACCOUNTS, "connected"): 7,
    series(CREDENTIAL_DAYS, 'a"b\\c\nd'): -1,
}


def parsed(text: str) -> dict[str, float]:
    """Read the text by the rules of the format, and return its samples."""
    assert text.endswith("\n")
    samples: dict[str, float] = {}
    known: dict[str, str] = {}
    described: set[str] = set()
    family = ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split(" ")[2]
            assert family not in described, "A family is told once, all of it together."
            described.add(family)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == family
            known[name] = kind
        else:
            sample = SAMPLE.fullmatch(line)
            assert sample, line
            ends = r"(_bucket|_sum|_count)" if known[family] == "histogram" else ""
            assert re.fullmatch(family + ends, sample["name"]), line
            key = sample["name"] + (f"{{{sample['labels']}}}" if sample["labels"] else "")
            assert key not in samples
            samples[key] = float(sample["value"])
    return samples


def test_what_is_counted_is_told() -> None:
    """Counters and gauges are told with their labels, escaped; what is not named is left out."""
    told = parsed(exposition(SUMS))
    assert told['events{event="messageNew"}'] == 12
    assert told['webhooks{status="success",event="messageNew"}'] == 11
    assert told['relay365_accounts{state="connected"}'] == 7
    assert told[r'relay365_credential_days{app="a\"b\\c\nd"}'] == -1
    assert [name for name in told if "newer" in name] == []


def test_buckets_hold_those_below_them() -> None:
    """A histogram's buckets add up to its count, the last is infinite, and its sum is told."""
    told = parsed(exposition(SUMS))
    bounds = {"100": 3, "250": 3, "500": 5, "60000": 5, "+Inf": 6}
    assert {bound: told[f'webhook_req_bucket{{le="{bound}"}}'] for bound in bounds} == bounds
    assert (told["webhook_req_count"], told["webhook_req_sum"]) == (6, 61_234.5)
    assert told['relay365_delivery_delay_seconds_bucket{le="0.5"}'] == 0


def test_a_plain_counter_begins_at_0() -> None:
    """Before anything was counted, counters without labels and histograms are 0 and nothing else is told."""
    told = parsed(exposition({}))
    plain = {metric.name for metric in METRICS if metric.kind is Kind.COUNTER and not metric.labels}
    assert {name for name in told if "_bucket" not in name} - plain == {
        f"{metric.name}_{part}" for metric in METRICS if metric.kind is Kind.HISTOGRAM for part in ("sum", "count")
    }
    assert set(told.values()) == {0}
