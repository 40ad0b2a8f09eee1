"""What pages say: for each problem a title, a text, what is known of it, and what the user may do."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from shared.services.sign_ins import ProblemKind

_NOTHING: Mapping[str, str] = MappingProxyType({})


class Words(NamedTuple):
    """
    The words for one problem.

    `facts` are fields of the problem, each with its label. `again` labels the button, where another try makes sense.
    """

    title: str
    text: str
    facts: Mapping[str, str] = _NOTHING
    again: str = "Try again"


PROBLEMS = {
    ProblemKind.LINK: Words(
        "This link does not work",
        "It has expired, or was not copied completely. Go back to the application that sent you here and ask for a new "
        "link; links work for one day.",
    ),
    ProblemKind.LINK_USED: Words(
        "This link has been used",
        "Somebody has signed in with it already. Go back to the application that sent you here and ask for a new link.",
    ),
    ProblemKind.NO_APPLICATION: Words(
        "Signing in is not set up",
        "The application to sign in with does not exist any more, or is switched off. Tell whoever runs the "
        "application that sent you here.",
    ),
    ProblemKind.STATE: Words(
        "This sign-in has ended",
        "It was finished already, or took longer than a day. Go back to the application that sent you here and start "
        "again.",
    ),
    ProblemKind.OTHER_BROWSER: Words(
        "This sign-in was begun elsewhere",
        "It began in another browser, or this one keeps no cookies. Nothing was connected. If you did not ask for it, "
        "close this page; else open the link again, in this browser.",
    ),
    ProblemKind.CANCELLED: Words(
        "You did not sign in",
        "Nothing was connected. You can try again, or close this page.",
    ),
    ProblemKind.WRONG_ACCOUNT: Words(
        "You signed in with another account",
        "Another one is needed here. Nothing was connected.",
        {"signed_in": "You signed in as", "expected": "Needed"},
        again="Use another account",
    ),
    ProblemKind.MISSING_SCOPES: Words(
        "A permission is missing",
        "Microsoft did not grant all that is needed to read the mailbox. Sign in again and accept the permissions, or "
        "ask your administrator to allow them.",
        {"detail": "Missing"},
    ),
    ProblemKind.MAILBOX_TAKEN: Words(
        "This mailbox is connected already",
        "It is connected under another name. Nothing was changed.",
        {"detail": "Mailbox"},
    ),
    ProblemKind.REFUSED: Words(
        "Microsoft refused the sign-in",
        "Nothing was connected. Whoever administers your Microsoft 365 can help.",
        {"mend": "What to do", "detail": "Microsoft's answer"},
    ),
    ProblemKind.BUSY: Words(
        "Microsoft does not answer",
        "This passes by itself. Try again in a minute; nothing was connected.",
    ),
    ProblemKind.OURS: Words(
        "Something went wrong here",
        "It is not your fault, and usually passes. Go back to the application that sent you here and start again.",
    ),
}
