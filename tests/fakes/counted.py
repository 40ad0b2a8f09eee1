"""Ports that count how often they are asked."""

from collections import Counter
from typing import Any


class Counted:
    """Stands before the ports and counts the calls of each."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def over(self, port: Any) -> Any:
        """Return *port*, counted."""
        counted = self

        class Counting:
            """Counts."""

            def __getattr__(self, name: str) -> Any:
                asked = getattr(port, name)

                def count(*args: Any, **options: Any) -> Any:
                    counted.calls[f"{type(port).__name__}.{name}"] += 1
                    return asked(*args, **options)

                return count if callable(asked) else asked

        return Counting()
