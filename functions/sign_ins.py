"""Sign-ins: `/v1/authentication/form` for applications, `/accounts/new` and `/oauth` for their users."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import azure.functions as func

from functions.pages.guard import page_endpoint
from functions.requests import endpoint, parse, respond
from functions.threads import in_thread
from shared import bootstrap
from shared.domain.sign_in_links import NewSignInForm
from shared.domain.tokens import Action, Group, Scope
from shared.services.sign_ins import SignIns, Step

bp = func.Blueprint()

_threads = ThreadPoolExecutor(32, "page")


@bp.function_name("sign_ins_form")
@bp.route("v1/authentication/form", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint(Scope.API, Action.WRITE, Group.ADMIN)
def sign_ins_form(req: func.HttpRequest) -> func.HttpResponse:
    """Returns the signed address of the sign-in page, for one user."""
    return respond({"url": bootstrap.relay().sign_ins.form(parse(NewSignInForm, req))})


@bp.function_name("sign_ins_open")
@bp.route("accounts/new", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@page_endpoint
async def sign_ins_open(req: func.HttpRequest) -> func.HttpResponse:
    """Shows the sign-in page to whoever has a signed link, or leads on to Microsoft."""
    query = req.params
    data, sig, app = query.get("data", ""), query.get("sig", ""), query.get("type")
    return await _shown(req, lambda sign_ins, browser: sign_ins.open(data, sig, app, browser))


@bp.function_name("sign_ins_finish")
@bp.route("oauth", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@page_endpoint
async def sign_ins_finish(req: func.HttpRequest) -> func.HttpResponse:
    """Takes a user back from Microsoft, and leads on to where the link wanted them."""
    answer = dict(req.params)
    return await _shown(req, lambda sign_ins, browser: sign_ins.finish(answer, browser))


async def _shown(req: func.HttpRequest, step: Callable[[SignIns, str | None], Step]) -> func.HttpResponse:
    return await in_thread(partial(_answer, req, step), _threads)


def _answer(req: func.HttpRequest, step: Callable[[SignIns, str | None], Step]) -> func.HttpResponse:
    # The template library is nothing that the start of the app should wait for.
    from functions.pages import cookies  # noqa: PLC0415  see the line above
    from functions.pages.render import answer  # noqa: PLC0415  the same

    relay = bootstrap.relay()
    settings = relay.instance_settings.current()
    secure = (settings.service_url or "").startswith("https:")
    return answer(step(relay.sign_ins, cookies.mark_of(req, secure=secure)), settings.brand, secure=secure)
