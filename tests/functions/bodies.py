"""Bodies of requests with sensible defaults: a test overrides only what it is about."""

from tests.factories import CLIENT, TENANT


def an_app(**changes: object) -> dict[str, object]:
    """Return the body that registers an application; None leaves a field out."""
    body: dict[str, object] = {
        "name": "Contoso",
        "provider": "outlookService",
        "clientId": CLIENT,
        "clientSecret": "abc~secret",
        "authority": TENANT,
        **changes,
    }
    return {key: value for key, value in body.items() if value is not None}


def an_account(account: str | None, app: str, **changes: object) -> dict[str, object]:
    """Return the body that registers an account."""
    user = f"{account or 'generated'}@contoso.com"
    return {"account": account, "name": "Anna", "oauth2": {"provider": app, "auth": {"user": user}}, **changes}
