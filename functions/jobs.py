"""Jobs: the queue trigger of the work in the background."""

import azure.functions as func

from functions.work import work
from shared import bootstrap
from shared.domain.jobs import jobs_of

bp = func.Blueprint()


@bp.function_name("jobs")
@bp.queue_trigger(arg_name="message", queue_name="jobs", connection="AzureWebJobsStorage")
@work
def jobs(message: func.QueueMessage) -> None:
    """Carries out one job, or a batch."""
    bootstrap.relay().jobs.run_together(jobs_of(message.get_body()))
