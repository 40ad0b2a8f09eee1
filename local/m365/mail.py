"""The mail half of Graph: which handler serves which path, and who may call it."""

import asyncio
from collections.abc import Callable
from functools import partial

from local.m365 import delta, mail_reads, mail_writes
from local.m365.calls import Call, Reply
from local.m365.errors import GraphError, access_denied, bad_request
from local.m365.mailbox import Mailbox
from local.m365.world import World

# https://learn.microsoft.com/graph/permissions-reference
READ = frozenset({"Mail.Read", "Mail.ReadWrite"})
WRITE = frozenset({"Mail.ReadWrite"})
SEND = frozenset({"Mail.Send"})

Handler = Callable[[Mailbox, Call, list[str]], Reply]
#: The word that stands where a key could stand.
NOT_KEYS = {"delta"}


class Mail:
    """Serves /users/{id}/..., for a caller whose token allows it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._routes = _routes(world)

    async def serve(self, call: Call) -> Reply:
        """Answers one request, one of at most four at a time for its app and mailbox."""
        mailbox = self.mailbox(call)
        pattern, keys = _pattern(call.segments[2:])
        if not pattern:
            return self._profile(mailbox, call)
        handler, roles = self._routes.get((call.method, *pattern), (None, READ))
        if pattern == ("messages", "delta"):
            raise bad_request("Change tracking is not supported against 'microsoft.graph.message'.")
        if handler is None:
            raise bad_request(f"Resource not found for the segment '{'/'.join(pattern)}'.")
        if not roles & call.caller.roles or mailbox.refusal == 403:
            raise access_denied()
        if mailbox.refusal == 404:
            raise mailbox_not_enabled()
        with self._world.throttle.mailbox(call.caller.application, mailbox.id):
            await asyncio.sleep(self._world.behaviour.graph_latency)
            return handler(mailbox, call, keys)

    def mailbox(self, call: Call) -> Mailbox:
        """Finds the mailbox that a path names, in the caller's tenant only."""
        name = call.segments[1] if len(call.segments) > 1 else ""
        mailbox = self._world.directory.mailbox(call.caller.tenant, name.removeprefix("AAD-UPN:"))
        if mailbox is None:
            raise GraphError(404, "ErrorInvalidUser", f"The requested user '{name}' is invalid.")
        return mailbox

    def _profile(self, mailbox: Mailbox, call: Call) -> Reply:
        if not {"User.Read.All", "Directory.Read.All"} & call.caller.roles:
            message = "Insufficient privileges to complete the operation."
            raise GraphError(403, "Authorization_RequestDenied", message)
        names = {"displayName": mailbox.display_name, "mail": mailbox.address, "userPrincipalName": mailbox.upn}
        return Reply(body={"@odata.context": f"{call.base}/v1.0/$metadata#users/$entity", "id": mailbox.id, **names})


def mailbox_not_enabled() -> GraphError:
    """A mailbox that is on-premises, unlicensed or inactive."""
    message = "REST API is not yet supported for this mailbox: it is inactive, soft-deleted, or hosted on-premise."
    return GraphError(404, "MailboxNotEnabledForRESTAPI", message)


def _pattern(rest: list[str]) -> tuple[tuple[str, ...], list[str]]:
    # mailFolders/{id}/messages/{id} is messages/{id} by another way.
    if len(rest) > 3 and rest[0].lower() == "mailfolders" and rest[2].lower() == "messages" and rest[3] != "delta":
        rest = rest[2:]
    pattern: list[str] = []
    keys: list[str] = []
    for position, segment in enumerate(rest):
        if position % 2 and segment not in NOT_KEYS:
            pattern.append("*")
            keys.append(segment)
        else:
            pattern.append(segment.lower())
    return tuple(pattern), keys


def _routes(world: World) -> dict[tuple[str, ...], tuple[Handler, frozenset[str]]]:
    folder, message = ("mailfolders", "*"), ("messages", "*")
    attachment = (*message, "attachments", "*")
    return {
        ("GET", "mailfolders"): (mail_reads.list_folders, READ),
        ("GET", "mailfolders", "delta"): (partial(delta.folder_delta, faults=world.faults), READ),
        ("GET", *folder): (mail_reads.get_folder, READ),
        ("GET", *folder, "childfolders"): (mail_reads.list_folders, READ),
        ("GET", *folder, "messages"): (mail_reads.list_messages, READ),
        ("GET", *folder, "messages", "delta"): (partial(delta.message_delta, faults=world.faults), READ),
        ("GET", "messages"): (mail_reads.list_messages, READ),
        ("GET", *message): (mail_reads.get_message, READ),
        ("GET", *message, "$value"): (mail_reads.get_mime, READ),
        ("GET", *message, "attachments"): (mail_reads.list_attachments, READ),
        ("GET", *attachment): (mail_reads.get_attachment, READ),
        ("GET", *attachment, "$value"): (mail_reads.get_attachment_value, READ),
        ("POST", "messages"): (mail_writes.create_draft, WRITE),
        ("POST", *folder, "messages"): (mail_writes.create_draft, WRITE),
        ("PATCH", *message): (mail_writes.update_message, WRITE),
        ("DELETE", *message): (mail_writes.delete_message, WRITE),
        ("POST", *message, "move"): (mail_writes.move_message, WRITE),
        ("POST", *message, "send"): (partial(mail_writes.send_draft, directory=world.directory), SEND),
        ("POST", "sendmail"): (partial(mail_writes.send_mail, directory=world.directory), SEND),
        ("POST", "mailfolders"): (mail_writes.create_folder, WRITE),
        ("POST", *folder, "childfolders"): (mail_writes.create_folder, WRITE),
        ("PATCH", *folder): (mail_writes.rename_folder, WRITE),
        ("DELETE", *folder): (mail_writes.delete_folder, WRITE),
    }
