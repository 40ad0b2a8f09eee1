"""Work from a queue: what nobody foresaw is told in our log, and the host learns no more than that it failed."""

from collections.abc import Callable
from functools import wraps

import azure.functions as func

from shared import bootstrap
from shared.domain.errors import WorkFailed
from shared.domain.failures import explained

Handler = Callable[[func.QueueMessage], None]


def work(handler: Handler) -> Handler:
    """
    Has a failure of *handler* told without its words, which the host would log, and which may show mail.

    The failure still fails the message, so that the host tries it again.
    """

    @wraps(handler)
    def guarded(message: func.QueueMessage) -> None:
        try:
            handler(message)
        except WorkFailed:
            raise
        except Exception as problem:  # noqa: BLE001  whatever it is, the host hears that it failed, and tries again
            bootstrap.log().problem(
                "message.failed",
                function=handler.__name__,
                message=message.id,
                takes=message.dequeue_count,
                **explained(problem),
            )
            raise WorkFailed from None

    return guarded
