"""What is told of an account's troubles, and how long they make it wait."""

from datetime import timedelta

import pytest

from shared.domain.errors import GrantRefused, MailboxRefused, NotFound, RelayError, SignInRefused, TryLater
from sidecar.imap.errors import Code, Refusal
from sidecar.troubles import Troubles

REVOKED = GrantRefused("Revoked.", reason="AADSTS50173", mend="Sign in again.")


def troubles(*, asked: bool = False) -> Troubles:
    """Return the troubles of an account in a world where chance is always 1."""
    return Troubles(asked=asked, chance=lambda: 1.0)


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (REVOKED, SignInRefused),
        (Refusal(Code.SIGN_IN_REFUSED, "No."), SignInRefused),
        (Refusal(Code.PROTOCOL_DISABLED, "No."), MailboxRefused),
    ],
)
def test_what_a_human_mends_is_told_at_once(problem: RelayError | Refusal, kind: type) -> None:
    """A refusal that waiting does not mend is told each time, and asked again after an hour."""
    met = troubles()
    for _ in range(2):
        verdict = met.met(problem)
        assert isinstance(verdict.told, kind)
        assert verdict.wait == pytest.approx(3600 * 1.2)


def test_a_lost_connection_is_told_once_after_three_attempts() -> None:
    """Two failed attempts are nobody's business; the third is told, the later ones are not, until it worked again."""
    met = troubles()
    told = [met.met(Refusal(Code.CLOSED, "")).told for _ in range(5)]
    assert [bool(each) for each in told] == [False, False, True, False, False]
    assert isinstance(told[2], TryLater)
    assert (told[2].reason, bool(told[2].mend)) == ("ConnectionClosed", True)
    met.lived(5)
    assert met.met(Refusal(Code.CLOSED, "")).told
    met.lived(61)
    assert not met.met(Refusal(Code.CLOSED, "")).told


def test_who_asked_is_answered() -> None:
    """Where somebody waits for a word, the first failed attempt is told, and the next only if he asks again."""
    met = troubles(asked=True)
    assert met.met(TryLater("Busy.")).told
    assert not met.met(TryLater("Busy.")).told
    met.asked = True
    assert met.met(TryLater("Busy.")).told


def test_waits_grow_to_a_quarter_of_an_hour() -> None:
    """Each wait may be twice as long as the one before, up to 15 minutes."""
    met = troubles()
    waits = [met.met(NotFound("Gone.")).wait for _ in range(10)]
    assert waits == [4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_a_throttled_mailbox_waits_as_long_as_it_is_told() -> None:
    """What the server asks for is kept, with something on top, and nobody may shorten it."""
    verdict = troubles().met(Refusal(Code.THROTTLED, "", retry_after=timedelta(seconds=100)))
    assert 110 <= verdict.firm == verdict.wait <= 135


def test_a_mailbox_that_is_not_connected_is_given_time() -> None:
    """Four attempts within minutes are silent, the fifth is told, and from then on one an hour is made."""
    met = troubles()
    verdicts = [met.met(Refusal(Code.NOT_CONNECTED, "")) for _ in range(6)]
    assert [bool(each.told) for each in verdicts] == [False, False, False, False, True, False]
    assert [each.wait / 1.2 for each in verdicts] == [30, 60, 120, 240, 3600, 3600]
