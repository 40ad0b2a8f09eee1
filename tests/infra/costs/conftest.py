"""Figures that a test may set, so that its arithmetic can be done by hand."""

from collections.abc import Callable

import pytest

from infra.costs.inputs import Figures, figures


@pytest.fixture
def with_values() -> Callable[..., Figures]:
    """Return what replaces values of the figures."""

    def replaced(**values: float) -> Figures:
        known = figures()
        return known.model_copy(
            update={name: getattr(known, name).model_copy(update={"value": value}) for name, value in values.items()}
        )

    return replaced
