"""`python -m tests.faults.doomed_host`: the local Functions host, whose process dies where the file ORDERS says."""

import os
import sys
from pathlib import Path

from local.host.__main__ import main
from tests.faults.named_points import Orders, doom

if __name__ == "__main__":
    doom(Orders(Path(os.environ["ORDERS"])))
    sys.exit(main())
