"""Jobs: the queue trigger that connects and disconnects accounts."""

import azure.functions as func

from shared import bootstrap
from shared.domain.jobs import Job

bp = func.Blueprint()


@bp.function_name("jobs")
@bp.queue_trigger(arg_name="message", queue_name="jobs", connection="AzureWebJobsStorage")
def jobs(message: func.QueueMessage) -> None:
    """Carries out one job."""
    bootstrap.relay().jobs.run(Job.model_validate_json(message.get_body()))
