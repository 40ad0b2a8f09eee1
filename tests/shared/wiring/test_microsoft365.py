"""Microsoft 365: all that reads through Graph counts as one."""

from collections.abc import Callable

from shared.settings import Settings
from shared.wiring.machine import machine_of
from shared.wiring.microsoft365 import microsoft365_of
from shared.wiring.replacements import Replacements
from tests.fakes.log import FakeLog
from tests.fakes.microsoft365 import FakeMailboxes
from tests.fakes.stores import FakeQuotaStore
from tests.fakes.vault import FakeVault


def test_reads_share_their_slots(settings: Callable[..., Settings]) -> None:
    """Messages and history take their slots of a mailbox from one count, as Graph counts them."""
    real = microsoft365_of(
        settings(), Replacements(), machine=machine_of(FakeLog()), vault=FakeVault(), quotas=FakeQuotaStore()
    )
    assert real.reader._slots is real.history._slots is real.mailboxes._slots  # type: ignore[attr-defined]  the adapters' own


def test_a_test_replaces_one_port(settings: Callable[..., Settings]) -> None:
    """What a test brings stands behind its port, and behind the others what is real."""
    mailboxes = FakeMailboxes()
    made = microsoft365_of(
        settings(),
        Replacements(mailboxes=mailboxes),
        machine=machine_of(FakeLog()),
        vault=FakeVault(),
        quotas=FakeQuotaStore(),
    )
    assert made.mailboxes is mailboxes
    assert type(made.history).__name__ == "GraphHistory"
