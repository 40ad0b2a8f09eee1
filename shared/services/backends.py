"""Backends: which of the two opens a mailbox. Where users sign in it is the sidecar, else Graph."""

from dataclasses import dataclass

from shared.domain.folders import FolderTree
from shared.domain.mailboxes import Registration
from shared.domain.oauth2 import OAuth2App
from shared.domain.providers import Provider
from shared.ports.microsoft365 import Mailboxes


@dataclass(frozen=True)
class RoutedMailboxes:
    """Opens mailboxes through the backend that their application has."""

    graph: Mailboxes
    sidecar: Mailboxes

    def probe(self, app: OAuth2App, user: str, registration: Registration | None = None) -> FolderTree:
        """Opens the mailbox and returns its folder tree."""
        backend = self.sidecar if app.provider is Provider.OUTLOOK else self.graph
        return backend.probe(app, user, registration)
