"""What the command prints: a table of lines, the sums, and where the numbers come from."""

from collections.abc import Iterable, Iterator, Sequence

from infra.costs.inputs import Figure, Figures, Prices
from infra.costs.load import Load
from infra.costs.model import Line
from infra.costs.streams import events

_BASES = ("code", "measured", "vendor", "assumed")


def table(load: Load, lines: Sequence[Line], prices: Prices, figures: Figures) -> str:
    """Returns the bill as text."""
    return "\n".join([*_head(load, prices), "", *_rows(lines, prices, figures), "", *_sums(load, lines)])


def basis(line: Line, figures: Figures) -> str:
    """Returns on what kinds of figures the line stands, or that it follows from the options alone."""
    kinds = {figure.basis for name in line.stands_on if isinstance(figure := getattr(figures, name), Figure)}
    return ", ".join(kind for kind in _BASES if kind in kinds) or "options"


def total(lines: Iterable[Line]) -> float:
    """Returns what all lines cost together."""
    return sum(line.cost for line in lines)


def _head(load: Load, prices: Prices) -> Iterator[str]:
    yield f"{load.accounts:,} mailboxes, {load.events:g} events a day each: a month in {prices.currency}"
    yield f"(prices of {prices.region}, looked up on {prices.looked_up}; * from memory)"


def _rows(lines: Sequence[Line], prices: Prices, figures: Figures) -> Iterator[str]:
    yield f"{'':<44}{'quantity':>16} {'unit':<12}{'price':>11}{'cost':>12}  stands on"
    for line in lines:
        price = prices[line.price]
        unsure = "*" if price.confidence == "memory" else " "
        name = f"{line.part}: {line.what}" if line.what else line.part
        yield (
            f"{name:<44}{_quantity(line.quantity):>16} {price.unit:<12}{_price(price.value):>10}{unsure}"
            f"{line.cost:>12,.2f}  {basis(line, figures)}"
        )


def _sums(load: Load, lines: Sequence[Line]) -> Iterator[str]:
    cost, told = total(lines), events(load)
    yield f"{'total':<83}{cost:>12,.2f}"
    if load.accounts:
        yield f"{'a mailbox':<83}{cost / load.accounts:>12,.4f}"
    if told:
        yield f"{'a thousand events':<83}{cost / told * 1000:>12,.4f}"


def inputs(prices: Prices, figures: Figures) -> str:
    """Returns every price and every figure with where it comes from."""
    return "\n".join([*_prices(prices), "", *_figures(figures)])


def _prices(prices: Prices) -> Iterator[str]:
    yield f"Prices of {prices.region} in {prices.currency}, looked up on {prices.looked_up}"
    for name, price in prices.prices.items():
        free = f", {price.free:,.0f} free" if price.free else ""
        yield f"  {name:<22}{_price(price.value):>10} / {price.unit}{free} ({price.confidence}, {price.source})"


def _figures(figures: Figures) -> Iterator[str]:
    yield "Figures"
    for name in Figures.model_fields:
        figure: Figure = getattr(figures, name)
        yield f"  {name:<24}{figure.value:>10g} {figure.unit:<12}{figure.basis:<9} {figure.source}"


def _quantity(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:,.2f}"  # noqa: PLR2004  fractions matter below a thousand


def _price(value: float) -> str:
    return f"{value:.10f}".rstrip("0").rstrip(".")
