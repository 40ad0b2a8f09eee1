"""Changes: the queue trigger that turns them into deliveries."""

import azure.functions as func

from functions.work import work
from shared import bootstrap
from shared.domain.changes import ChangeBatch

bp = func.Blueprint()


@bp.function_name("changes")
@bp.queue_trigger(arg_name="message", queue_name="changes", connection="AzureWebJobsStorage")
@work
def changes(message: func.QueueMessage) -> None:
    """Expands a batch of changes; a message that was taken before is worked on with suspicion."""
    batch = ChangeBatch.model_validate_json(message.get_body())
    bootstrap.relay().changes.expand(batch, redelivered=(message.dequeue_count or 1) > 1)
