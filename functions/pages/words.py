"""What pages say: for each problem a title, a text, and what the user may do. `{...}` stands for what is known."""

from typing import NamedTuple

from shared.services.sign_ins import ProblemKind


class Words(NamedTuple):
    """The words for one problem; `again` labels the button, where another try makes sense."""

    title: str
    text: str
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
        "It was finished already, took longer than a day, or was begun in another place. Go back to the application "
        "that sent you here and start again.",
    ),
    ProblemKind.CANCELLED: Words(
        "You did not sign in",
        "Nothing was connected. You can try again, or close this page.",
    ),
    ProblemKind.WRONG_ACCOUNT: Words(
        "You signed in with another account",
        "You signed in as {signed_in}, but {expected} is needed here. Nothing was connected.",
        again="Use another account",
    ),
    ProblemKind.MISSING_SCOPES: Words(
        "A permission is missing",
        "Microsoft did not grant all that is needed to read the mailbox. Missing: {detail}. Sign in again and accept "
        "the permissions, or ask your administrator to allow them.",
    ),
    ProblemKind.MAILBOX_TAKEN: Words(
        "This mailbox is connected already",
        "{detail} is connected under another name. Nothing was changed.",
    ),
    ProblemKind.REFUSED: Words(
        "Microsoft refused the sign-in",
        "Microsoft's answer was {detail}. An administrator can help: {mend}",
    ),
    ProblemKind.BUSY: Words(
        "Microsoft does not answer",
        "This passes by itself. Try again in a minute; nothing was connected.",
    ),
}
