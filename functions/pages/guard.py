"""What goes wrong on our side is a page too: whoever signs in is no client of the API."""

import logging
from functools import wraps

import azure.functions as func

from functions.requests import AsyncHandler
from shared.domain.brands import Brand
from shared.domain.errors import RelayError
from shared.services.sign_ins import Problem, ProblemKind


def page_endpoint(handler: AsyncHandler) -> AsyncHandler:
    """Makes every failure of a handler a page; whoever calls it needs no token."""

    @wraps(handler)
    async def guarded(req: func.HttpRequest) -> func.HttpResponse:
        try:
            return await handler(req)
        except RelayError as problem:
            status = problem.status_hint
            logging.getLogger("relay365").warning("page.failed in %s: %s", handler.__name__, problem)
        except Exception:
            status = 500
            logging.getLogger("relay365").exception("page.broken in %s", handler.__name__)
        from functions.pages.render import answer  # noqa: PLC0415  its template library is rarely needed

        # The brand is kept in the storage that may be what fails.
        return answer(Problem(ProblemKind.OURS, status), Brand())

    return guarded
