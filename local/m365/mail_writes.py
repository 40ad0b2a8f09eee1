"""Graph's changes of messages and folders, and sending."""

from local.m365 import mime, moments
from local.m365 import query as odata
from local.m365.calls import Call, Reply
from local.m365.composing import from_json, from_mime_body
from local.m365.directory import Directory
from local.m365.errors import bad_request
from local.m365.folders import ROOT
from local.m365.mail_reads import context, folder_resource
from local.m365.mailbox import Mailbox, Message
from local.m365.query import Query
from local.m365.rendering import message_resource


def update_message(mailbox: Mailbox, call: Call, keys: list[str]) -> Reply:
    """Changes marks of a message."""
    message = mailbox.message(keys[-1])
    mailbox.update(message, call.json())
    return Reply(body=_shown(mailbox, message, call))


def move_message(mailbox: Mailbox, call: Call, keys: list[str]) -> Reply:
    """Moves a message; without immutable ids it has another id afterwards."""
    message = mailbox.message(keys[-1])
    mailbox.move(message, mailbox.folder(str(call.json().get("destinationId", ""))))
    return Reply(201, _shown(mailbox, message, call))


def delete_message(mailbox: Mailbox, call: Call, keys: list[str]) -> Reply:
    """Deletes a message beyond Graph's reach."""
    del call
    mailbox.remove(mailbox.message(keys[-1]))
    return Reply(204)


def create_draft(mailbox: Mailbox, call: Call, keys: list[str]) -> Reply:
    """Makes a draft from JSON or MIME."""
    folder = mailbox.folder(keys[0] if keys else "drafts")
    content = mime.read(from_mime_body(call) if _is_mime(call) else from_json(call.json(), mailbox))
    message = mailbox.add(content, folder, moments.now(), draft=True)
    return Reply(201, _shown(mailbox, message, call))


def send_draft(mailbox: Mailbox, call: Call, keys: list[str], directory: Directory) -> Reply:
    """Sends a draft, which keeps its immutable id in Sent Items."""
    del call
    _transport(mailbox, mailbox.message(keys[-1]), directory, save=True)
    return Reply(202)


def send_mail(mailbox: Mailbox, call: Call, keys: list[str], directory: Directory) -> Reply:
    """Sends a message that was never a draft; the answer knows no id."""
    # https://learn.microsoft.com/graph/outlook-things-to-know-about-send-mail
    del keys
    save = True
    if _is_mime(call):
        raw = from_mime_body(call)
    else:
        body = call.json()
        if not isinstance(body.get("message"), dict):
            raise bad_request("The 'message' parameter is missing.", code="ErrorInvalidParameter")
        save = body.get("saveToSentItems", True)
        raw = from_json(body["message"], mailbox)
    message = mailbox.add(mime.read(raw), mailbox.folder("drafts"), moments.now(), draft=True)
    _transport(mailbox, message, directory, save=save)
    return Reply(202)


def create_folder(mailbox: Mailbox, call: Call, keys: list[str]) -> Reply:
    """Makes a folder at the top or below another one."""
    name = call.json().get("displayName")
    if not name:
        raise bad_request("A folder needs a displayName.", code="ErrorFolderNameMissing")
    folder = mailbox.create_folder(str(name), keys[0] if keys else ROOT)
    entity = {"@odata.context": context(call, mailbox, "mailFolders/$entity")}
    return Reply(201, entity | folder_resource(mailbox, folder))


def rename_folder(mailbox: Mailbox, call: Call, keys: list[str]) -> Reply:
    """Renames a folder."""
    folder = mailbox.folder(keys[-1])
    mailbox.rename_folder(folder, str(call.json().get("displayName", folder.name)))
    return Reply(body=folder_resource(mailbox, folder))


def delete_folder(mailbox: Mailbox, call: Call, keys: list[str]) -> Reply:
    """Deletes a folder and what is in it."""
    del call
    mailbox.remove_folder(mailbox.folder(keys[-1]))
    return Reply(204)


def _transport(mailbox: Mailbox, message: Message, directory: Directory, *, save: bool) -> None:
    people = [*message.properties["toRecipients"], *message.properties["ccRecipients"]]
    people += message.properties["bccRecipients"]
    message.properties = message.properties | {"isDraft": False}
    if save:
        # Others see two `created`: of the draft, and of the copy in Sent Items.
        mailbox.move(message, mailbox.folder("sentitems"), announce_leaving=False)
    else:
        mailbox.remove(message)
    for person in people:
        recipient = directory.anywhere(person["emailAddress"].get("address", ""))
        if recipient is not None:
            recipient.add(message.content, recipient.folder("inbox"), moments.now())


def _shown(mailbox: Mailbox, message: Message, call: Call) -> dict[str, object]:
    query = odata.read(call.query) if call.method == "PATCH" else Query()
    entity = {"@odata.context": context(call, mailbox, "messages/$entity")}
    return entity | message_resource(mailbox, message, call, query)


def _is_mime(call: Call) -> bool:
    return str(call.headers.get("Content-Type", "")).lower().startswith("text/plain")
