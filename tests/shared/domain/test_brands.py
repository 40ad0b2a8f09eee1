"""Whatever colour an operator chooses, buttons stay readable."""

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.brands import Brand, _luminance, is_color


@given(st.integers(0, 0xFFFFFF))
def test_buttons_are_readable(color: int) -> None:
    """On every colour the chosen text has a contrast of at least 4.5 to 1."""
    brand = Brand(color=f"#{color:06x}")
    assert is_color(brand.color)
    lighter, darker = sorted((_luminance(brand.color), _luminance(brand.on_color)), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_what_a_colour_is() -> None:
    """A colour is six hex digits after a #, and nothing that could end a style."""
    assert not any(is_color(text) for text in ("red", "#fff", "#12345g", "#123456;}", "#1234567"))
