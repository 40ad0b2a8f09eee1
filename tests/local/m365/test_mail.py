"""Graph mail: what is read, how it is changed, and how it is refused."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.m365 import samples
from local.m365.control import Microsoft365

IMMUTABLE = 'IdType="ImmutableId"'


def test_message_has_every_property(graph: Any, m365: Microsoft365) -> None:
    """A delivered message shows the properties, the etag and the times of a real one."""
    identity = m365.deliver(graph.mailbox.id, samples.with_file(), received="2026-11-20T10:00:00+02:00")
    message = graph.get(f"/messages/{identity}", Prefer=IMMUTABLE)
    assert message["id"] == identity
    assert message["receivedDateTime"] == "2026-11-20T08:00:00Z"
    assert message["from"] == {"emailAddress": {"name": "Ada Lovelace", "address": "ada@sender.example"}}
    assert message["@odata.etag"] == f'W/"{message["changeKey"]}"'
    assert message["flag"] == {"flagStatus": "notFlagged"}
    expected = "categories importance conversationIndex parentFolderId webLink inferenceClassification isDraft replyTo"
    assert set(expected.split()) < set(message)
    assert {"internetMessageHeaders", "uniqueBody"}.isdisjoint(message)


def test_select_and_expand(graph: Any, m365: Microsoft365) -> None:
    """`$select` names what is shown, headers included, and `$expand` brings attachments without their bytes."""
    identity = m365.deliver(graph.mailbox.id, samples.inline_image())
    expand = "attachments($select=id,name,contentType,size,isInline,microsoft.graph.fileAttachment/contentId)"
    path = f"/messages/{identity}?$select=subject,hasAttachments,internetMessageHeaders&$expand={expand}"
    message = graph.get(path, Prefer=IMMUTABLE)
    assert set(message) - {"@odata.context", "@odata.etag", "id"} == {
        "subject",
        "hasAttachments",
        "internetMessageHeaders",
        "attachments",
    }
    assert message["hasAttachments"] is False
    (attachment,) = message["attachments"]
    assert (attachment["isInline"], attachment["contentId"]) == (True, "pixel@sender.example")
    assert "contentBytes" not in attachment
    path = f"/messages/{identity}/attachments/{attachment['id']}"
    assert base64.b64decode(graph.get(path)["contentBytes"]) == samples.PIXEL
    assert graph.call("GET", f"{path}/$value").content == samples.PIXEL


def test_ids_change_on_a_move_unless_immutable(graph: Any, m365: Microsoft365) -> None:
    """Both ids find a message; after a move the changing one is another and its predecessor finds nothing."""
    immutable = m365.deliver(graph.mailbox.id, samples.plain())
    changing = graph.get("/messages")["value"][0]["id"]
    assert graph.get(f"/messages/{immutable}")["id"] == changing != immutable
    moved = graph.call("POST", f"/messages/{changing}/move", {"destinationId": "archive"}).json()
    assert moved["id"] != changing
    gone = graph.call("GET", f"/messages/{changing}", client_request_id="mine")
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "ErrorItemNotFound")
    assert gone.json()["error"]["innerError"]["client-request-id"] == "mine"
    assert graph.get(f"/messages/{immutable}", Prefer=IMMUTABLE)["parentFolderId"] == moved["parentFolderId"]


def test_listing_filters_orders_and_pages(graph: Any, m365: Microsoft365) -> None:
    """A listing over all folders is filtered, newest first, counted, and paged to its end."""
    start = datetime(2026, 11, 20, tzinfo=UTC)
    for minute in range(7):
        moment = (start + timedelta(minutes=minute)).isoformat()
        folder = "inbox" if minute % 2 else "junkemail"
        m365.deliver(graph.mailbox.id, samples.plain(f"Number {minute}"), folder, received=moment)
    options = "$filter=receivedDateTime ge 2026-11-20T00:02:00Z and isRead eq false"
    page = graph.get(f"/messages?{options}&$orderby=receivedDateTime desc&$select=subject&$top=2&$count=true")
    assert page["@odata.count"] == 5
    subjects = [message["subject"] for message in page["value"]]
    while "@odata.nextLink" in page:
        page = graph.call("GET", page["@odata.nextLink"]).json()
        subjects += [message["subject"] for message in page["value"]]
    assert subjects == [f"Number {minute}" for minute in (6, 5, 4, 3, 2)]
    assert len(graph.get("/mailFolders('Inbox')/messages")["value"]) == 3


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("$filter=receivedDateTime ge 2026-11-20", "ErrorInvalidUrlQuery"),
        ("$filter=subject", "ErrorInvalidUrlQuery"),
        ("$filter=isRead eq false&$orderby=receivedDateTime", "InefficientFilter"),
        ("$top=0", "ErrorInvalidUrlQuery"),
    ],
)
def test_bad_queries(graph: Any, options: str, code: str) -> None:
    """A query that Outlook cannot do is a 400 that names its kind."""
    answer = graph.call("GET", f"/messages?{options}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_mailbox_is_found_by_id_upn_and_address(graph: Any, m365: Microsoft365) -> None:
    """Object id, UPN and address in any case name the mailbox; a refused mailbox says how it is refused."""
    base = f"{graph.server.graph_url}/users"
    for name in (graph.mailbox.id, "HELP.desk@contoso.example", "help@CONTOSO.example"):
        assert graph.call("GET", f"{base}/{name}/mailFolders/inbox").status_code == 200
    assert graph.call("GET", f"{base}/nobody@contoso.example/messages").json()["error"]["code"] == "ErrorInvalidUser"
    m365.refuse_mailbox(graph.mailbox.id, 404)
    assert graph.call("GET", "/messages").json()["error"]["code"] == "MailboxNotEnabledForRESTAPI"
    m365.refuse_mailbox(graph.mailbox.id, 403)
    assert graph.call("GET", "/messages").json()["error"]["code"] == "ErrorAccessDenied"


def test_folders_are_localized_and_nested(graph: Any, m365: Microsoft365) -> None:
    """Well-known names find folders whatever they are called, and new folders nest."""
    mailbox = m365.add_mailbox(graph.tenant.id, "hilfe@contoso.example", language="de")
    base = f"{graph.server.graph_url}/users/{mailbox.id}/mailFolders"
    assert graph.get(f"{base}/sentitems")["displayName"] == "Gesendete Elemente"
    made = graph.call("POST", f"{base}/inbox/childFolders", {"displayName": "Kunden"}).json()
    assert graph.get(f"{base}/inbox")["childFolderCount"] == 1
    graph.call("PATCH", f"{base}/{made['id']}", {"displayName": "Alte Kunden"})
    assert [child["displayName"] for child in graph.get(f"{base}/inbox/childFolders")["value"]] == ["Alte Kunden"]
    assert graph.call("DELETE", f"{base}/{made['id']}").status_code == 204
    assert graph.call("DELETE", f"{base}/inbox").status_code == 400


def test_sending(graph: Any, m365: Microsoft365) -> None:
    """Sending answers 202, leaves a copy in Sent Items and reaches a mailbox that is here, as JSON and as MIME."""
    ada = m365.add_mailbox(graph.tenant.id, "ada@contoso.example")
    message = {
        "subject": "Tere õhtust",
        "body": {"contentType": "html", "content": "<p>Hello</p>"},
        "toRecipients": [{"emailAddress": {"address": "ada@contoso.example"}}],
    }
    assert graph.call("POST", "/sendMail", {"message": message}).status_code == 202
    mime = base64.b64encode(samples.plain("By MIME", to="ada@contoso.example"))
    url = f"{graph.server.graph_url}/users/{graph.mailbox.id}/sendMail"
    assert graph.session.post(url, mime, headers={"Content-Type": "text/plain"}).status_code == 202
    inbox = graph.get(f"{graph.server.graph_url}/users/{ada.id}/mailFolders/inbox/messages?$select=subject")
    assert {found["subject"] for found in inbox["value"]} == {"Tere õhtust", "By MIME"}
    assert graph.get("/mailFolders/sentitems")["totalItemCount"] == 2
    draft = graph.call("POST", "/messages", message, Prefer=IMMUTABLE).json()
    assert draft["isDraft"] is True
    assert graph.call("POST", f"/messages/{draft['id']}/send").status_code == 202
    sent = graph.get(f"/messages/{draft['id']}", Prefer=IMMUTABLE)
    assert sent["parentFolderId"] == graph.get("/mailFolders/sentitems")["id"]


def test_delta_tells_each_change_once(graph: Any, m365: Microsoft365) -> None:
    """A delta round pages to a link, and the next round tells what came, changed and left since."""
    kept, left, gone = (m365.deliver(graph.mailbox.id, samples.plain(f"{index}")) for index in range(3))
    m365.faults(delta_empty_page={"count": 1}, delta_replay={"count": 1})
    path, seen = "/mailFolders/inbox/messages/delta?$select=subject&$top=2", []
    while path:
        page = graph.get(path, Prefer=IMMUTABLE)
        assert ("@odata.nextLink" in page) != ("@odata.deltaLink" in page)
        seen.append([row["id"] for row in page["value"]])
        path, link = page.get("@odata.nextLink", ""), page.get("@odata.deltaLink", "")
    assert seen == [[], [kept, left, kept], [gone]]
    m365.set_read(graph.mailbox.id, kept)
    m365.move(graph.mailbox.id, left, "archive")
    m365.delete(graph.mailbox.id, gone)
    new = m365.deliver(graph.mailbox.id, samples.plain())
    rows: dict[str, Any] = {}
    while link:
        page = graph.get(link, Prefer=IMMUTABLE)
        rows |= {row["id"]: row.get("@removed") for row in page["value"]}
        link = page.get("@odata.nextLink")
    assert rows == {kept: None, left: {"reason": "changed"}, gone: {"reason": "deleted"}, new: None}


def test_delta_state_is_lost(graph: Any, m365: Microsoft365) -> None:
    """A delta link can answer 410 with a Location that starts again, or syncStateNotFound; the mailbox has none."""
    link = graph.get("/mailFolders/inbox/messages/delta")["@odata.deltaLink"]
    m365.faults(delta_gone={"count": 1}, delta_state_not_found={"count": 1})
    gone = graph.call("GET", link)
    assert gone.status_code == 410
    assert "@odata.deltaLink" in graph.get(gone.headers["Location"])
    assert graph.call("GET", link).json()["error"]["code"] == "syncStateNotFound"
    assert graph.call("GET", link).status_code == 200
    assert graph.call("GET", "/messages/delta").status_code == 400


def test_folder_delta(graph: Any, m365: Microsoft365) -> None:
    """The folders' delta tells of a new folder only after the first round."""
    page = graph.get("/mailFolders/delta", Prefer="odata.maxpagesize=50")
    assert "Inbox" in {folder["displayName"] for folder in page["value"]}
    m365.create_folder(graph.mailbox.id, "Projects")
    changed = graph.get(page["@odata.deltaLink"])
    assert [folder["displayName"] for folder in changed["value"]] == ["Projects"]
