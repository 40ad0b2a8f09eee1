"""`mail` delivers to the stack that runs, or says why not."""

from pathlib import Path

import pytest

from local.stack import mail, ports
from local.stack.errors import StackRefused


def refusal(path: Path, to: str) -> str:
    """Returns what a person is told whose message cannot be delivered."""
    with pytest.raises(StackRefused) as told:
        mail.send(path, "ada@sender.example", to, "Hello", "Hello,\n")
    return str(told.value)


def test_no_stack(tmp_path: Path) -> None:
    """Where no stack runs, how to start one is said."""
    assert refusal(tmp_path / "address.json", "help@contoso.example").startswith("No stack runs here: start one")


def test_unknown_mailbox(tmp_path: Path) -> None:
    """A mailbox that does not exist is named, with those that do."""
    path = tmp_path / "address.json"
    mail.Address("https://localhost:1", "ca.pem", ["help@contoso.example"]).write(path)
    assert refusal(path, "nobody@contoso.example") == (
        "There is no mailbox 'nobody@contoso.example'; there are help@contoso.example."
    )


def test_stack_that_was_killed(tmp_path: Path) -> None:
    """An address that a killed stack left behind is told as such."""
    authority = tmp_path / "ca.pem"
    authority.write_text("")
    path = tmp_path / "address.json"
    mail.Address(f"https://localhost:{ports.free()}", str(authority), ["help@contoso.example"]).write(path)
    assert refusal(path, "help@contoso.example").startswith("The stack does not answer")


def test_mail_for_a_user(tmp_path: Path) -> None:
    """A mailbox of a user who signs in takes its mail by LMTP, and one that is gone is told as such."""
    path = tmp_path / "address.json"
    there = mail.Address("https://localhost:1", "ca.pem", [], ports.free(), ["anna@fabrikam.example"])
    there.write(path)
    assert refusal(path, "Anna@fabrikam.example").startswith("The stack does not answer")
    assert refusal(path, "nobody@fabrikam.example").endswith("there are anna@fabrikam.example.")
