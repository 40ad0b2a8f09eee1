"""Lines of the tables that benchmarks print."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table: what was measured, in which unit, and what is aimed at."""

    name: str
    value: float
    unit: str
    aim: float | None = None
    more_is_better: bool = False

    def __str__(self) -> str:
        """The line, with a verdict where there is an aim."""
        measured = f"{self.name:<58}{_number(self.value):>9} {self.unit:<8}"
        if self.aim is None:
            return measured.rstrip()
        met = self.value >= self.aim if self.more_is_better else self.value <= self.aim
        sign = ">=" if self.more_is_better else "<="
        return f"{measured}{sign} {_number(self.aim):<7} {'met' if met else 'MISSED'}"


def _number(value: float) -> str:
    return f"{value:.3f}" if 0 < value < 1 else f"{value:.1f}" if value < 100 and value % 1 else f"{value:.0f}"
