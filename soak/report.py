"""The report: a line for each fault, with what became of the events that it hit."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from soak.ledger import Ledger, Occurrence, Told
from soak.record import PATHS, Record
from tests.faults.customer import Arrival, Customer

ALL, UNHIT = "all events", "hit by nothing"
_HEAD = ("fault", "injected", "hit", *PATHS, "median s", "max s", "lost", "again", "other id")


@dataclass(frozen=True)
class Report:
    """What a soak came to."""

    table: str
    lost: Sequence[Occurrence]
    extra: Counter[str]
    forged: int
    differing: int
    other_ids: int

    @property
    def failed(self) -> bool:
        """Whether a promise was broken."""
        return bool(self.lost or self.forged)

    def __str__(self) -> str:
        """The table and what stands below it."""
        extra = ", ".join(f"{times} {event}" for event, times in sorted(self.extra.items())) or "none"
        lines = [self.table, ""]
        lines += [f"lost: {len(self.lost)}", f"events that nobody wanted: {extra}"]
        lines += [f"other ids: {self.other_ids}", f"other bytes: {self.differing}", f"wrong signatures: {self.forged}"]
        for each in self.lost:
            lines.append(f"LOST {each.event} of {each.message}: {', '.join(sorted(each.hits)) or 'no fault'}")
        return "\n".join(lines)


def report(ledger: Ledger, customer: Customer, record: Record) -> Report:
    """Count."""
    arrivals: defaultdict[Told, list[Arrival]] = defaultdict(list)
    for arrival in customer.arrivals:
        if arrival.answer.accepts and not arrival.problem:
            arrivals[arrival.event, arrival.message].append(arrival)
    occurrences = ledger.all()
    wanted = ledger.wanted()

    def line(name: str, injected: str, hit: Sequence[Occurrence]) -> tuple[str, ...]:
        came = [arrivals[each.key] for each in hit if each.key in arrivals]
        paths = Counter(record.path(first) for first, *_ in came)
        delays = [arrivals[each.key][0].at - each.at for each in hit if each.key in arrivals]
        ids = [len({arrival.id for arrival in each}) for each in came]
        return (
            name,
            injected,
            str(len(hit)),
            *(str(paths[path]) for path in PATHS),
            f"{median(delays):.1f}" if delays else "-",
            f"{max(delays):.1f}" if delays else "-",
            str(len(hit) - len(came)),
            str(sum(map(len, came)) - sum(ids)),
            str(sum(ids) - len(ids)),
        )

    rows = [
        line(fault, str(times), [each for each in occurrences if fault in each.hits])
        for fault, times in sorted(ledger.injected.items())
    ]
    rows += [line(UNHIT, "", [each for each in occurrences if not each.hits]), line(ALL, "", occurrences)]
    return Report(
        table=table([_HEAD, *rows]),
        lost=[each for each in occurrences if each.key not in arrivals],
        extra=Counter(event for event, message in arrivals if (event, message) not in wanted),
        forged=len(customer.forged()),
        differing=len(customer.differing()),
        other_ids=sum(len({arrival.id for arrival in each}) - 1 for each in arrivals.values()),
    )


def table(rows: Iterable[tuple[str, ...]]) -> str:
    """Return rows as columns, the first to the left and the others to the right."""
    lines = list(rows)
    widths = [max(len(row[column]) for row in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in lines
    )
