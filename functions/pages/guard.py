"""What goes wrong on our side is a page too: whoever signs in is no client of the API."""

from functools import wraps
from http import HTTPStatus

import azure.functions as func

from functions.answering import Answering
from functions.requests import PATIENCE, AsyncHandler
from shared.domain.brands import Brand
from shared.domain.errors import RelayError
from shared.patience import patience
from shared.services.sign_ins import Problem, ProblemKind


def page_endpoint(handler: AsyncHandler) -> AsyncHandler:
    """Makes every failure of a handler a page; whoever calls it needs no token."""

    @wraps(handler)
    async def guarded(req: func.HttpRequest) -> func.HttpResponse:
        answering = Answering(handler.__name__)
        try:
            with patience(PATIENCE):
                return answering.told(await handler(req))
        except RelayError as problem:
            return answering.told(_sorry(problem.status_hint), problem)
        except Exception as problem:  # noqa: BLE001  whoever signs in would see the host's empty page
            answering.broke(problem)
            return _sorry(HTTPStatus.INTERNAL_SERVER_ERROR)

    return guarded


def _sorry(status: int) -> func.HttpResponse:
    from functions.pages.render import answer  # noqa: PLC0415  its template library is rarely needed

    # The brand is kept in the storage that may be what fails.
    return answer(Problem(ProblemKind.OURS, status), Brand())
