"""
Masks: how a secret is shown, and what it means when a client sends what it was shown.

A client that reads, changes one field and writes all back must not overwrite a secret with stars.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Protocol

from shared.domain.errors import FieldProblem, InvalidRequest

MASK = "******"

_USERINFO = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.-]*://)([^/?#@]*@)+")


class Header(Protocol):
    """A header of a request: its name and its value."""

    @property
    def key(self) -> str:
        """The header's name."""

    @property
    def value(self) -> str:
        """The header's value."""


def masked_url(url: str | None) -> str | None:
    """Returns *url* with its user and password as stars."""
    return None if url is None else _USERINFO.sub(rf"\1{MASK}@", url)


def bare_url(url: str) -> str:
    """Returns *url* without its user and password."""
    return _USERINFO.sub(r"\1", url)


def unmasked_url(given: str | None, kept: str | None) -> str | None:
    """
    Returns the URL that *given* means: the one that is *kept* where the client sent back what it was shown of it.

    Raises InvalidRequest for other stars in the place of user and password: nobody means them.
    """
    if kept is not None and given == masked_url(kept):
        return kept
    if given is not None and f"://{MASK}@" in given:
        raise InvalidRequest(
            FieldProblem("webhooks", '"webhooks" is masked: give user and password, or leave both out')
        )
    return given


def unmasked_headers(given: Iterable[Header], kept: Mapping[str, str]) -> dict[str, str]:
    """
    Returns the headers that *given* means: stars stand for the value that is *kept* under the same name.

    Raises InvalidRequest where nothing is kept that the stars could stand for.
    """
    by_name = {name.lower(): value for name, value in kept.items()}
    meant: dict[str, str] = {}
    for number, header in enumerate(given):
        value = by_name.get(header.key.lower()) if header.value == MASK else header.value
        if value is None:
            key = f"webhooksCustomHeaders.{number}.value"
            raise InvalidRequest(FieldProblem(key, f'"{key}" is masked, and no value is kept for {header.key!r}'))
        meant[header.key] = value
    return meant
