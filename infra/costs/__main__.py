"""`python -m infra.costs`: prints what a load costs a month; ends with 2 where an option cannot be right."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from infra.costs import pages, table
from infra.costs.inputs import Figures, Prices, figures, limits, prices
from infra.costs.knobs import knobs
from infra.costs.load import Load
from infra.costs.model import Line, TooFull, bill
from infra.costs.rates import rates


class PageMissing(ValueError):
    """A page that is to be written is not there."""


def main(arguments: Sequence[str]) -> int:
    """Returns how the process ends."""
    try:
        sys.stdout.write(said(arguments))
    except ValidationError as refused:
        sys.stderr.write("".join(f"{sentence}\n" for sentence in _sentences(refused)))
        return 2
    except (TooFull, PageMissing) as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2
    return 0


def said(arguments: Sequence[str]) -> str:
    """Returns what the command prints; raises ValidationError, TooFull and PageMissing."""
    options = vars(_parser().parse_args(arguments))
    pages_to_write: list[Path] = options.pop("write") or []
    form = next((name for name in ("json", "inputs", "rates", "knobs") if options[name]), "table")
    given = {name: value for name, value in options.items() if name in Load.model_fields and value is not None}
    for page in pages_to_write:
        if not page.is_file():
            raise PageMissing(f"--write: {page} is no file")
        page.write_text(pages.renewed(page.read_text(encoding="utf-8"), said), encoding="utf-8")
    if pages_to_write:
        return ""
    if form == "inputs":
        return f"{table.inputs(prices(), figures())}\n"
    load = Load.model_validate(given)
    if form == "rates":
        return f"{table.rates_table(load, rates(load, figures(), limits()))}\n"
    if form == "knobs":
        return f"{table.knobs_table(load, knobs(load, prices(), figures()), prices())}\n"
    lines = bill(load, prices(), figures())
    return f"{(_json if form == 'json' else table.table)(load, lines, prices(), figures())}\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.costs", description="What a deployment costs a month.")
    for name, field in Load.model_fields.items():
        option = f"--{name.replace('_', '-')}"
        if field.annotation is bool:
            parser.add_argument(option, action="store_true", help=field.description)
        else:
            parser.add_argument(option, metavar="X", help=f"{field.description} ({field.default})")
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="as JSON, each line with the figures that it stands on")
    forms.add_argument("--inputs", action="store_true", help="list the prices and figures instead")
    forms.add_argument("--rates", action="store_true", help="show what there is a second, beside its limits, instead")
    forms.add_argument("--knobs", action="store_true", help="show what other options would save instead")
    forms.add_argument("--write", nargs="+", type=Path, metavar="PAGE", help="print the tables of pages anew")
    return parser


def _sentences(refused: ValidationError) -> list[str]:
    return [
        f"--{str(problem['loc'][0]).replace('_', '-')}: {problem['msg']}"
        if problem["loc"]
        else str(problem["ctx"]["error"])
        for problem in refused.errors()
    ]


def _json(load: Load, lines: Sequence[Line], prices: Prices, figures: Figures) -> str:
    told = {
        "load": load.model_dump(),
        "region": prices.region,
        "currency": prices.currency,
        "pricesOf": prices.looked_up.isoformat(),
        "total": round(table.total(lines), 2),
        "lines": [
            {
                "part": line.part,
                "what": line.what,
                "quantity": line.quantity,
                "free": line.free,
                "cost": line.cost,
                "price": prices[line.price].model_dump(),
                "basis": table.basis(line, figures),
                "standsOn": list(line.stands_on),
            }
            for line in lines
        ],
    }
    return json.dumps(told, indent=2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
