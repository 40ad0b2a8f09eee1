"""Backends: who opens which mailbox."""

from shared.domain.mailboxes import Registration
from shared.services.backends import RoutedMailboxes
from tests.factories import an_account, an_app, an_outlook_app
from tests.fakes.microsoft365 import FakeMailboxes


def test_the_application_decides() -> None:
    """Where users sign in the sidecar opens mailboxes, in the name of the registration; else Graph does."""
    graph, sidecar = FakeMailboxes(), FakeMailboxes()
    mailboxes = RoutedMailboxes(graph, sidecar)
    mailboxes.probe(an_app(), "ada")
    mailboxes.probe(an_outlook_app(), "eve", Registration(an_account().key, "1"))
    assert (graph.probed, sidecar.probed) == (["ada"], ["eve"])
