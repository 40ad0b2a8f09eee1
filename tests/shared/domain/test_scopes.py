"""Scopes: what users are asked for in each cloud, and what is missing in what they granted."""

import pytest

from shared.domain.clouds import Cloud
from shared.domain.scopes import missing, scopes_of, token_scopes
from tests.factories import an_outlook_app

SIGN_IN = ("offline_access", "openid", "profile")


@pytest.mark.parametrize(
    ("cloud", "host"),
    [
        ("global", "outlook.office.com"),
        ("gcc-high", "outlook.office365.us"),
        ("dod", "outlook.office365.us"),
        ("china", "partner.outlook.cn"),
    ],
)
def test_each_cloud_has_its_scopes(cloud: str, host: str) -> None:
    """Users are asked for IMAP and SMTP by the name of their cloud's servers, and for what a sign-in needs."""
    mail = (f"https://{host}/IMAP.AccessAsUser.All", f"https://{host}/SMTP.Send")
    app = an_outlook_app(cloud=Cloud(cloud))
    assert scopes_of(app) == (*mail, *SIGN_IN)
    assert token_scopes(app) == scopes_of(app)


@pytest.mark.parametrize(
    "host", ["", "outlook.office.com/", "https://outlook.office365.us/", "https://PARTNER.outlook.cn/"]
)
def test_a_scope_is_skipped_by_any_name(host: str) -> None:
    """A scope is skipped by its bare name and by that of any cloud, in any case of letters."""
    app = an_outlook_app(cloud=Cloud.CHINA, skip_scopes=(f"{host}smtp.send",))
    assert scopes_of(app) == ("https://partner.outlook.cn/IMAP.AccessAsUser.All", *SIGN_IN)


def test_extra_scopes_are_asked_for_once() -> None:
    """Extra scopes come last, doubles are asked for once, and no token is asked for with those of another resource."""
    extra = ("email", "https://outlook.office.com/POP.AccessAsUser.All", "User.Read", "OPENID")
    app = an_outlook_app(extra_scopes=extra, skip_scopes=("https://contoso.example/SMTP.Send",))
    mail = ("https://outlook.office.com/IMAP.AccessAsUser.All", "https://outlook.office.com/SMTP.Send")
    assert scopes_of(app) == (*mail, *SIGN_IN, "email", "https://outlook.office.com/POP.AccessAsUser.All", "User.Read")
    assert token_scopes(app) == (*mail, *SIGN_IN, "email", "https://outlook.office.com/POP.AccessAsUser.All")


@pytest.mark.parametrize(
    ("granted", "left"),
    [
        (["https://outlook.office.com/IMAP.AccessAsUser.All", "https://outlook.office.com/SMTP.Send"], ()),
        (["https://outlook.office365.com/imap.accessasuser.all", "SMTP.Send", "profile"], ()),
        (["https://outlook.office.com/SMTP.Send"], ("IMAP.AccessAsUser.All",)),
        (["https://contoso.example/IMAP.AccessAsUser.All"], ("IMAP.AccessAsUser.All", "SMTP.Send")),
        ([], ("IMAP.AccessAsUser.All", "SMTP.Send")),
    ],
)
def test_what_is_missing_is_named(granted: list[str], left: tuple[str, ...]) -> None:
    """What was not granted is named; the scopes of the sign-in and of other resources are proved elsewhere."""
    assert missing(granted, scopes_of(an_outlook_app(extra_scopes=("User.Read",)))) == left
