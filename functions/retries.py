"""Retries: the queue trigger that makes the attempts that are due."""

import azure.functions as func

from functions.work import work
from shared import bootstrap
from shared.domain.deliveries import Retry

bp = func.Blueprint()


@bp.function_name("retries")
@bp.queue_trigger(arg_name="message", queue_name="retries", connection="AzureWebJobsStorage")
@work
def retries(message: func.QueueMessage) -> None:
    """Makes one more attempt of a delivery."""
    retry = Retry.model_validate_json(message.get_body())
    bootstrap.relay().deliveries.attempt(retry, redelivered=(message.dequeue_count or 1) > 1)
