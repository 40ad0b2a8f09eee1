"""An account's path says which folders are watched."""

from typing import Any

import pytest

from sidecar.choice import chosen, named
from sidecar.imap.folders import ImapFolder

FOLDERS = [
    ImapFolder("Archive", "/", "\\Archive"),
    ImapFolder("All", "/", "\\All"),
    ImapFolder("INBOX", "/", "\\Inbox"),
    ImapFolder("Junk Email", "/", "\\Junk"),
    ImapFolder("Sent Items", "/", "\\Sent"),
    ImapFolder("Shelf", "/", None, selectable=False),
]


@pytest.mark.parametrize(
    ("wanted", "paths"),
    [
        (None, ["INBOX", "Archive", "Junk Email", "Sent Items"]),
        ("*", ["INBOX", "Archive", "Junk Email", "Sent Items"]),
        (["Archive", "*"], ["INBOX", "Archive", "Junk Email", "Sent Items"]),
        (["\\Sent", "inbox"], ["INBOX", "Sent Items"]),
        ("\\all", ["All"]),
        (["Archive", "\\Archive", "Nowhere", "Shelf"], ["Archive"]),
    ],
    ids=str,
)
def test_which_folders_are_watched(wanted: Any, paths: list[str]) -> None:
    """A star is all that can be opened but views; else names and special uses count, each folder once."""
    assert [folder.path for folder in chosen(FOLDERS, wanted)] == paths


def test_no_name_is_no_folder() -> None:
    """Without names nothing is named."""
    assert named(FOLDERS, []) == []
