"""Folder trees: where a message is, in the words of EmailEngine (`path`, `specialUse`)."""

from collections.abc import Mapping

from pydantic import Field

from shared.domain.models import Carried

INBOX = "\\Inbox"


class Folder(Carried):
    """A folder: its path from the root with `/` between names, and its special use, where it has one."""

    path: str
    special_use: str | None = None


class FolderTree(Carried):
    """Every folder of a mailbox, by the backend's folder id."""

    folders: dict[str, Folder] = Field(default_factory=dict)

    def find(self, folder_id: str) -> Folder | None:
        """Returns the folder, or None where the tree is older than the folder."""
        return self.folders.get(folder_id)


def escape(name: str) -> str:
    """Returns *name* as one step of a path: `/` and `%` inside it are percent-encoded."""
    return name.replace("%", "%25").replace("/", "%2F")


def build(names: Mapping[str, str], parents: Mapping[str, str], special: Mapping[str, str]) -> FolderTree:
    """
    Returns the tree of the folders in *names* (id → display name), given their *parents* and *special* uses (by id).

    A parent that is not among the folders is the root.
    """
    paths: dict[str, str] = {}

    def path(folder_id: str, *, depth: int = 0) -> str:
        if folder_id not in paths:
            parent = parents.get(folder_id, "")
            step = escape(names[folder_id])
            # Exchange nests folders at most 300 deep; a longer way up is a loop in what we were told.
            rooted = parent not in names or depth > 300  # noqa: PLR2004  see the line above
            paths[folder_id] = step if rooted else f"{path(parent, depth=depth + 1)}/{step}"
        return paths[folder_id]

    return FolderTree(
        folders={folder_id: Folder(path=path(folder_id), special_use=special.get(folder_id)) for folder_id in names}
    )
