"""The searches as deep as they end in minutes: `make prove`, for what the test suite has no time for."""

import sys

from tests.faults import mailboxes
from tests.faults.model import Model
from tests.faults.search import explore
from tests.faults.situations import SEARCHES


def main() -> int:
    """Tell what each search saw, and return how many found a fault."""
    problems = 0
    for name, search in SEARCHES.items():
        model = Model(search.situation)
        report = explore(model.start(search.most), model.moves, model.judge)
        problems += report.problem is not None
        sys.stdout.write(f"{name}, {search.most} faults: {report}\n")
        sys.stdout.flush()
    for length, most in ((2, 2), (3, 1)):
        for late in (False, True):
            lives, bad = mailboxes.search(length, most=most, late=late)
            problems += len(bad)
            told = f"a mailbox, {length} actions, {most} deaths of its sidecar: {len(bad)} faults in {lives} lives"
            sys.stdout.write("\n".join([told, *bad, ""]))
            sys.stdout.flush()
    return problems


if __name__ == "__main__":
    sys.exit(main())
