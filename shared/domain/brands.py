"""Brands: how the sign-in page looks, as far as an operator chooses."""

import re
from urllib.parse import urlsplit

from shared.domain.models import Owned

DEFAULT_NAME = "Relay365"
DEFAULT_COLOR = "#0b5cad"
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
# Of relative luminance: above it black text has the better contrast, below it white.
# https://www.w3.org/TR/WCAG21/#contrast-minimum
_BALANCE = 0.179
# Below it a channel is linear.
_DARK = 0.04045


class Brand(Owned):
    """A name, a logo, a colour for what is pressed, and where users find help."""

    name: str = DEFAULT_NAME
    logo: str | None = None
    color: str = DEFAULT_COLOR
    support: str | None = None

    @property
    def on_color(self) -> str:
        """Black or white, whichever reads better on the colour: at least 4.5 to 1 for every colour."""
        return "#000000" if _luminance(self.color) > _BALANCE else "#ffffff"

    @property
    def logo_origin(self) -> str | None:
        """Where the logo is loaded from."""
        if self.logo is None:
            return None
        parts = urlsplit(self.logo)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def support_label(self) -> str:
        """What the link to help says."""
        return (self.support or "").removeprefix("mailto:")


def is_color(value: str) -> bool:
    """Tells whether *value* is a colour of six hex digits, like #0b5cad."""
    return _HEX.fullmatch(value) is not None


def _luminance(color: str) -> float:
    # https://www.w3.org/TR/WCAG21/#dfn-relative-luminance
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= _DARK else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
