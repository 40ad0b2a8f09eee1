"""`python -m infra.costs`: what it prints, and what it refuses."""

import json
import re

import pytest

from infra.costs.__main__ import main
from infra.costs.inputs import figures, prices


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--accounts -1", "--accounts: Input should be greater than or equal to 0"),
        ("--events many", "--events: Input should be a valid number"),
        ("--events nan", "--events: Input should be"),
        ("--memory 1024", "--memory: Input should be 512, 2048 or 4096"),
        ("--sweep-minutes 1", "--sweep-minutes: Input should be greater than or equal to 5"),
        ("--replication GRS", "--replication: Input should be 'LRS' or 'ZRS'"),
        ("--delegated 0.5", "--delegated: mailboxes of users who sign in need the sidecar"),
        ("--delegated 1 --sidecars 1 --accounts 9000", "--sidecars: 9,000 mailboxes"),
        ("--write docs/none.md", "--write: docs/none.md is no file"),
    ],
)
def test_a_bad_option_is_named(capsys: pytest.CaptureFixture[str], options: str, said: str) -> None:
    """An option that cannot be right ends the command with 2 and a sentence that names it."""
    assert main(options.split()) == 2
    told = capsys.readouterr()
    assert (told.out, told.err.startswith(said)) == ("", True), told.err


@pytest.mark.parametrize("options", [[], ["--json"], ["--inputs"]])
def test_every_output_dates_its_prices(capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
    """The day on which the prices were looked up stands in every output."""
    assert main(options) == 0
    assert prices().looked_up.isoformat() in capsys.readouterr().out


def test_json_is_the_same_bill(capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON has the table's total, and the figures that each line stands on, with the firmness of the least firm."""
    main(["--accounts", "500"])
    table = capsys.readouterr().out
    main(["--accounts", "500", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert re.search(rf"^total +{told['total']:,.2f}$", table, re.MULTILINE)
    assert told["total"] == round(sum(line["cost"] for line in told["lines"]), 2)
    for line in told["lines"]:
        kinds = {getattr(figures(), name).basis for name in line["standsOn"]}
        assert set(line["basis"].split(", ")) == (kinds or {"options"})
