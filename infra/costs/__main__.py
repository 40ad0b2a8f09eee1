"""`python -m infra.costs`: prints what a load costs a month; ends with 2 where an option cannot be right."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from infra.costs import pages, table
from infra.costs.inputs import Figures, Prices, figures, prices
from infra.costs.load import Load
from infra.costs.model import Line, TooFull, bill


def main(arguments: Sequence[str]) -> int:
    """Returns how the process ends."""
    options = vars(_parser().parse_args(arguments))
    as_json, show_inputs, write = (options.pop(name) for name in ("json", "inputs", "write"))
    if write:
        for page in write:
            page.write_text(pages.renewed(page.read_text(encoding="utf-8"), said), encoding="utf-8")
        return 0
    if show_inputs:
        sys.stdout.write(f"{table.inputs(prices(), figures())}\n")
        return 0
    try:
        load = Load.model_validate({name: value for name, value in options.items() if value is not None})
        lines = bill(load, prices(), figures())
    except ValidationError as refused:
        sys.stderr.write("".join(f"{sentence}\n" for sentence in _sentences(refused)))
        return 2
    except TooFull as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2
    answer = _json(load, lines, prices(), figures()) if as_json else table.table(load, lines, prices(), figures())
    sys.stdout.write(f"{answer}\n")
    return 0


def said(arguments: Sequence[str]) -> str:
    """Returns what the command prints for a load."""
    options = vars(_parser().parse_args(arguments))
    load = Load.model_validate({name: options[name] for name in Load.model_fields if options[name] is not None})
    return table.table(load, bill(load, prices(), figures()), prices(), figures())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.costs", description="What a deployment costs a month.")
    for name, field in Load.model_fields.items():
        option = f"--{name.replace('_', '-')}"
        if field.annotation is bool:
            parser.add_argument(option, action="store_true", help=field.description)
        else:
            parser.add_argument(option, metavar="X", help=f"{field.description} ({field.default})")
    parser.add_argument("--json", action="store_true", help="as JSON, each line with the figures that it stands on")
    parser.add_argument("--inputs", action="store_true", help="list the prices and figures instead")
    parser.add_argument("--write", nargs="+", type=Path, metavar="PAGE", help="print the tables of pages anew")
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
