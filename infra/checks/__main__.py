"""`python -m infra.checks`: every check of the templates; ends with 1 where one finds something."""

import sys
from pathlib import Path

from infra.checks import alerts, bicep, bodies, names, parameters, parity, promises, roles, settings, terraform, wiring

CHECKS = {"Bicep": bicep, "Terraform": terraform} | {
    check.__name__.rpartition(".")[2]: check
    for check in (parity, parameters, bodies, settings, roles, promises, wiring, names, alerts)
}


def main() -> int:
    """Prints each problem, and returns how the process ends."""
    infra = Path(__file__).parents[1]
    found = [f"{name}: {problem}" for name, check in CHECKS.items() for problem in check.problems(infra)]
    for problem in found:
        print(problem, file=sys.stderr)
    if not found:
        print(f"Templates: {', '.join(CHECKS)} hold.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
