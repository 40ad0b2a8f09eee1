"""A person at a browser, for tests and the stack runner: opens an application's link and answers what the pages ask."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests

_FORM = re.compile(r'<form method="post" action="([^"]+)"><input type="hidden" name="ctx" value="([^"]+)">')


@dataclass(frozen=True, slots=True)
class Page:
    """What the browser shows, or where it was sent: `answer` is then what the application is told."""

    url: str
    status: int
    text: str
    location: str | None
    answer: dict[str, str] = field(default_factory=dict)


class Person:
    """Follows the sign-in pages by the names of their forms; stops where the application would take over."""

    def __init__(self, authority: Path) -> None:
        self._session = requests.Session()
        self._session.verify = str(authority)
        # With it, REQUESTS_CA_BUNDLE would win over the authority above, and a proxy over loopback.
        self._session.trust_env = False

    def open(self, url: str) -> Page:
        """Opens the application's link."""
        return self._read(self._session.get(url, allow_redirects=False, timeout=60))

    def send(self, page: Page, **fields: str) -> Page:
        """Answers a page: `user` or `login`, or `action` as its button is named."""
        found = _FORM.search(page.text)
        if found is None:
            raise ValueError(f"The page {page.url} asks nothing: {page.text}")
        form = {"ctx": found[2], **fields}
        return self._read(self._session.post(urljoin(page.url, found[1]), data=form, allow_redirects=False, timeout=60))

    def sign_in(self, url: str, user: str, *, consents: bool = True) -> dict[str, str]:
        """Goes the whole way as *user* and returns what the application is told."""
        page = self.send(self.open(url), login=user, action="next")
        if page.location is None and "Consent/Set" in page.text:
            page = self.send(page, action="accept" if consents else "cancel")
        if page.location is None:
            raise ValueError(f"Nobody was signed in: {page.text}")
        return page.answer

    def _read(self, response: requests.Response) -> Page:
        location = response.headers.get("Location")
        parts = urlsplit(location or "")
        answer = dict(parse_qsl(parts.query or parts.fragment, keep_blank_values=True))
        return Page(response.url, response.status_code, response.text, location, answer)
