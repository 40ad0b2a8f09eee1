"""Views: what the API shows is named field by field, so nothing of a newer version's record gets out."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.domain import accounts, deliveries, instance_settings, oauth2, poison, tokens
from shared.domain.accounts import LastError, Subscription
from shared.domain.deliveries import Attempt
from shared.domain.expiries import Notice
from shared.domain.instance_settings import InstanceSettings, InstanceSettingsQuery
from shared.domain.tokens import Permissions
from tests.contracts.newer import NEWER, newer
from tests.contracts.poison import poisoned
from tests.factories import a_delivery, a_token, an_account, an_app
from tests.fakes.clock import START

ERROR = LastError(response="No.", code="no")
ACCOUNT = an_account(subscription=Subscription(id="1", expires=START, created=START), last_error=ERROR)
EVERYTHING = InstanceSettingsQuery(**dict.fromkeys(InstanceSettingsQuery.model_fields, True))


@pytest.mark.parametrize(
    "shown",
    [
        lambda: accounts.view(newer(ACCOUNT), provider="outlook").model_dump(by_alias=True),
        lambda: accounts.list_entry(newer(ACCOUNT), provider="outlook").model_dump(by_alias=True),
        lambda: deliveries.view(newer(a_delivery(attempts=(Attempt(number=1, at=START, milliseconds=1),)))),
        lambda: instance_settings.view(newer(InstanceSettings()), EVERYTHING),
        lambda: oauth2.view(newer(an_app(expires=START, notice=Notice(ahead=7, at=START)))).model_dump(by_alias=True),
        lambda: poison.view(newer(poisoned(1))),
        lambda: tokens.view(newer(a_token(permissions=Permissions(actions=("read",))))),
    ],
    ids=["account", "listed-account", "delivery", "settings", "app", "poison", "token"],
)
def test_a_view_shows_what_it_names(shown: Callable[[], dict[str, Any]]) -> None:
    """A view of a record with names that are not known here shows none of them."""
    assert NEWER not in repr(shown())
