"""What keeps the stack from doing what it was asked; the text is a sentence for the person at the terminal."""


class StackRefused(Exception):
    """The stack cannot start, or cannot go on, and the text says why and what would mend it."""
