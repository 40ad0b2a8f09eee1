"""What the simulated service saw: calls by kind, what it pushed, and how fast the endpoints acknowledged."""

from collections import Counter, deque
from typing import Any

#: Upper edges in milliseconds.
BUCKETS = (5, 10, 25, 50, 100, 250, 500, 1000, 3000, 10000)


class Stats:
    """Counters and the acknowledgement times of the newest 100,000 POSTs."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._acknowledged_ms: deque[float] = deque(maxlen=100_000)

    def count(self, kind: str, number: int = 1) -> None:
        """Adds to one counter."""
        self.counts[kind] += number

    def acknowledged(self, milliseconds: float) -> None:
        """Records how long an endpoint took to answer one POST."""
        self._acknowledged_ms.append(milliseconds)

    def report(self) -> dict[str, Any]:
        """Shows the counters and the distribution of acknowledgement times."""
        times = sorted(self._acknowledged_ms)
        histogram = Counter(
            next((f"<={edge}" for edge in BUCKETS if time <= edge), f">{BUCKETS[-1]}") for time in times
        )
        return {
            "calls": dict(self.counts),
            "ack_ms": {
                "count": len(times),
                "p50": _quantile(times, 0.50),
                "p99": _quantile(times, 0.99),
                "max": times[-1] if times else None,
                "histogram": dict(histogram),
            },
        }

    def reset(self) -> None:
        """Forgets everything seen."""
        self.counts.clear()
        self._acknowledged_ms.clear()


def _quantile(ordered: list[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None
