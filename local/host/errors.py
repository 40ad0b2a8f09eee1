"""The one error that ends a start."""


class StartRefused(Exception):
    """Says in one sentence why the host does not start, and what would mend it."""
