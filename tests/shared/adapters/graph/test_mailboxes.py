"""Opening mailboxes."""

from typing import Any

import pytest

from shared.adapters.graph.mailboxes import GraphMailboxes
from shared.adapters.graph.slots import Slots
from shared.adapters.system import SystemClock
from shared.domain.errors import MailboxRefused, TryLater


def test_the_tree_has_paths_and_uses(tenant: Any) -> None:
    """Folders are named as the mailbox names them, in its language, and their uses are known all the same."""
    owner = tenant.m365.add_mailbox(tenant.id, "heidi@contoso.example", language="de")
    parent = tenant.m365.create_folder(owner.id, "Projekte/Alt")
    child = tenant.m365.create_folder(owner.id, "2026", parent=parent)
    tenant.m365.reset_stats()
    tree = GraphMailboxes(tenant.client, SystemClock(), Slots()).probe(tenant.app, owner.address)
    uses = {folder.special_use: folder.path for folder in tree.folders.values() if folder.special_use}
    assert uses["\\Inbox"] == "Posteingang"
    assert set(uses) == {"\\Inbox", "\\Drafts", "\\Sent", "\\Trash", "\\Junk", "\\Archive"}
    folder = tree.find(child)
    assert folder is not None
    assert folder.path == "Projekte%2FAlt/2026"
    assert tenant.m365.stats()["calls"]["batch"] == 1


def test_a_mailbox_without_an_archive_is_in_order(wired: Any, app: Any, clock: Any, sample: Any) -> None:
    """A well-known folder may be missing, unless it is the inbox; listed folders go on over pages."""
    folders = [{"id": "i", "displayName": "Inbox", "parentFolderId": "r"}, {"id": "r", "displayName": "Root"}]
    more = {"id": "c", "displayName": "Child", "parentFolderId": "i"}
    link = "https://graph.microsoft.com/v1.0/users/ada/mailFolders/delta?$skiptoken=2"

    def script(method: str, _: str, body: Any) -> Any:
        good, gone = sample("message"), sample("item-not-found")
        if method == "GET":
            return type(good)(200, {}, {"value": [more, {"id": "old", "@removed": {"reason": "deleted"}}]})
        bodies: dict[str, Any] = {"/inbox?": folders[0], "/msgfolderroot?": folders[1]}
        bodies["/delta?"] = {"value": folders, "@odata.nextLink": link}
        said = []
        for one in body["requests"]:
            known = next((bodies[name] for name in bodies if name in one["url"]), None)
            said.append({"id": one["id"], "status": 200 if known else 404, "body": known or gone.body})
        return type(good)(200, {}, {"responses": said})

    client, wire = wired(script)
    tree = GraphMailboxes(client, clock, Slots()).probe(app, "ada")
    assert {key: folder.path for key, folder in tree.folders.items()} == {"i": "Inbox", "c": "Inbox/Child"}
    assert wire.calls[-1][:2] == ("GET", link)


def test_an_unknown_mailbox_is_refused(tenant: Any) -> None:
    """A mailbox that the tenant does not have is a human's business, with what to do."""
    with pytest.raises(MailboxRefused) as caught:
        GraphMailboxes(tenant.client, SystemClock(), Slots()).probe(tenant.app, "nobody@contoso.example")
    assert "Check the address" in caught.value.mend


def test_a_mailbox_that_we_may_not_open_is_refused(tenant: Any) -> None:
    """A mailbox outside of the application's permission is refused, and the permission is named."""
    tenant.m365.refuse_mailbox(tenant.mailbox.id, 403)
    with pytest.raises(MailboxRefused) as caught:
        GraphMailboxes(tenant.client, SystemClock(), Slots()).probe(tenant.app, tenant.mailbox.address)
    assert caught.value.reason == "ErrorAccessDenied"
    assert "Mail.Read" in caught.value.mend


def test_a_busy_graph_is_try_later(tenant: Any) -> None:
    """An outage while probing refuses nothing."""
    tenant.m365.faults(inner_503={"count": 1})
    with pytest.raises(TryLater):
        GraphMailboxes(tenant.client, SystemClock(), Slots()).probe(tenant.app, tenant.mailbox.address)
