"""What the command prints: a table of lines, the sums, and where the numbers come from."""

from collections.abc import Iterable, Iterator, Sequence

from infra.costs.inputs import Figure, Figures, Prices
from infra.costs.load import Load
from infra.costs.model import Line, bill
from infra.costs.rates import Rate
from infra.costs.streams import events

_BASES = ("code", "measured", "vendor", "assumed")
# How sure a price is that was not read on Microsoft's own page.
_MARKS = {"list": " ", "copy": "~", "memory": "*"}


def table(load: Load, lines: Sequence[Line], prices: Prices, figures: Figures) -> str:
    """Returns the bill as text."""
    return "\n".join(
        [*_head(load, prices), "", *_rows(lines, prices, figures), "", *_sums(load, lines, prices, figures)]
    )


def basis(line: Line, figures: Figures) -> str:
    """Returns on what kinds of figures the line stands, or that it follows from the options alone."""
    kinds = {figure.basis for name in line.stands_on if isinstance(figure := getattr(figures, name), Figure)}
    return ", ".join(kind for kind in _BASES if kind in kinds) or "options"


def rates_table(load: Load, found: Sequence[Rate]) -> str:
    """Returns the rates as text."""
    cells = f", in each of {load.cells:,} cells" if load.cells > 1 else ""
    head = f"{load.accounts:,} mailboxes, {load.events:g} events a day each{cells}, in the busy hours"
    lines = [head, "", f"{'':<44}{'':>14}   {'limit':>8}{'of it':>8}  the limit is"]
    for rate in found:
        line = f"{rate.what:<44}{_quantity(rate.value):>12} {rate.unit:<2}"
        if rate.limit is not None and rate.share is not None:
            line += f"{rate.limit.value:>10,.0f}{rate.share:>8.0%}  {rate.limit.basis}"
        lines.append(line.rstrip())
    return "\n".join(lines)


def knobs_table(load: Load, found: Iterable[tuple[str, float, float]], prices: Prices) -> str:
    """Returns what options would save as text."""
    head = f"{load.accounts:,} mailboxes, {load.events:g} events a day each, prices of {prices.looked_up}"
    lines = [f"{head}: a month in {prices.currency}", "", f"{'with':<44}{'cost':>12}{'saves':>12}"]
    return "\n".join([*lines, *(f"{knob:<44}{then:>12,.2f}{saved:>12,.2f}" for knob, then, saved in found)])


def total(lines: Iterable[Line]) -> float:
    """Returns what all lines cost together."""
    return sum(line.cost for line in lines)


def _head(load: Load, prices: Prices) -> Iterator[str]:
    yield f"{load.accounts:,} mailboxes, {load.events:g} events a day each: a month in {prices.currency}"
    yield f"Prices of {prices.region}, looked up on {prices.looked_up}; ~ as others quote it, * from memory."
    yield "A line stands on: c the code, m what was measured, v the vendor's rules, a assumptions; - the options alone."


def _rows(lines: Sequence[Line], prices: Prices, figures: Figures) -> Iterator[str]:
    yield f"{'':<44}{'quantity':>14} {'unit':<12}{'price':>10} {'cost':>10}  on"
    for line in lines:
        price = prices[line.price]
        name = f"{line.part}: {line.what}" if line.what else line.part
        yield (
            f"{name:<44}{_quantity(line.quantity):>14} {price.unit:<12}{_price(price.value):>10}"
            f"{_MARKS[price.confidence]}{line.cost:>10,.2f}  {_letters(line, figures)}"
        )


def _sums(load: Load, lines: Sequence[Line], prices: Prices, figures: Figures) -> Iterator[str]:
    cost, told = total(lines), events(load)
    yield f"{'total':<81}{cost:>10,.2f}"
    if load.accounts:
        yield f"{'a mailbox':<81}{cost / load.accounts:>10,.4f}"
    if told:
        more = load.model_copy(update={"events": load.events * 1.1})
        dearer = total(bill(more, prices, figures)) - cost
        yield f"{'a thousand events':<81}{cost / told * 1000:>10,.4f}"
        yield f"{'a thousand events more':<81}{dearer / (events(more) - told) * 1000:>10,.4f}"


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


def _letters(line: Line, figures: Figures) -> str:
    said = basis(line, figures)
    return "-" if said == "options" else "".join(kind[0] for kind in said.split(", "))


def _quantity(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:,.2f}"  # noqa: PLR2004  fractions matter below a thousand


def _price(value: float) -> str:
    return f"{value:.10f}".rstrip("0").rstrip(".")
