"""Accounts: `/v1/account` and `/v1/accounts`."""

from typing import Literal

import azure.functions as func

from functions.requests import account_of, endpoint, parse, parse_query, respond
from shared import bootstrap
from shared.domain.accounts import AccountQuery
from shared.domain.models import ApiModel
from shared.domain.registrations import AccountChange, NewAccount
from shared.domain.tokens import Action, Group, Scope

bp = func.Blueprint()


class Synchronisation(ApiModel):
    """The body of `PUT /v1/account/{account}/sync`."""

    sync: Literal[True]


class Reconnection(ApiModel):
    """The body of `PUT /v1/account/{account}/reconnect`."""

    reconnect: Literal[True]


class Removal(ApiModel):
    """The query of `DELETE /v1/account/{account}`: `erase` has everything go that is kept of the account."""

    erase: Literal["true", "false"] = "false"


@bp.function_name("accounts_register")
@bp.route("v1/account", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.WRITE, Group.ADMIN)
def accounts_register(req: func.HttpRequest) -> func.HttpResponse:
    """Registers an account, new or again, or begins its sign-in; connecting it follows in the background."""
    return respond(bootstrap.relay().registrations.register(parse(NewAccount, req)))


@bp.function_name("accounts_list")
@bp.route("v1/accounts", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.READ, Group.ACCOUNT)
def accounts_list(req: func.HttpRequest) -> func.HttpResponse:
    """Lists accounts, by page or by cursor."""
    return respond(bootstrap.relay().accounts.page(parse_query(AccountQuery, req)))


@bp.function_name("accounts_show")
@bp.route("v1/account/{account}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.READ, Group.ACCOUNT)
def accounts_show(req: func.HttpRequest) -> func.HttpResponse:
    """Shows one account."""
    return respond(bootstrap.relay().accounts.show(account_of(req)))


@bp.function_name("accounts_change")
@bp.route("v1/account/{account}", methods=["PUT"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.WRITE, Group.ADMIN)
def accounts_change(req: func.HttpRequest) -> func.HttpResponse:
    """Changes what the body names of an account and connects it anew."""
    account = account_of(req)
    bootstrap.relay().registrations.change(account, parse(AccountChange, req))
    return respond({"account": account})


@bp.function_name("accounts_remove")
@bp.route("v1/account/{account}", methods=["DELETE"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.DESTRUCTIVE, Group.ACCOUNT)
def accounts_remove(req: func.HttpRequest) -> func.HttpResponse:
    """Removes an account, its subscription, its rows and its secrets; with `erase=true` all that is kept of it."""
    account = account_of(req)
    # Left out, an `erase=` without its value would make this a plain removal.
    if parse_query(Removal, req, empty=True).erase == "true":
        deleted = bootstrap.relay().erasures.ask(account)
        return respond({"account": account, "deleted": deleted, "erasing": True})
    bootstrap.relay().accounts.remove(account)
    return respond({"account": account, "deleted": True})


@bp.function_name("accounts_reconnect")
@bp.route("v1/account/{account}/reconnect", methods=["PUT"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.WRITE, Group.ACCOUNT)
def accounts_reconnect(req: func.HttpRequest) -> func.HttpResponse:
    """Connects an account anew."""
    parse(Reconnection, req)
    bootstrap.relay().accounts.reconnect(account_of(req))
    return respond({"reconnect": True})


@bp.function_name("accounts_sync")
@bp.route("v1/account/{account}/sync", methods=["PUT"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.WRITE, Group.ACCOUNT)
def accounts_sync(req: func.HttpRequest) -> func.HttpResponse:
    """Looks at an account's mailbox for what no notification told."""
    parse(Synchronisation, req)
    bootstrap.relay().accounts.sync(account_of(req))
    return respond({"sync": True})
