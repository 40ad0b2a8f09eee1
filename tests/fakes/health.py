"""Something that the product needs, and that answers until it is told not to."""

from shared.domain.errors import TryLater


class FakeDependency:
    """Answers while `answers` is true."""

    def __init__(self, name: str = "storage") -> None:
        self.name = name
        self.answers = True

    def check(self) -> None:
        """Return, or raise TryLater."""
        if not self.answers:
            raise TryLater(f"{self.name} does not answer.")
