"""Purge: the timer that drops what is older than we keep."""

import azure.functions as func

from shared import bootstrap

bp = func.Blueprint()


@bp.function_name("purge")
@bp.timer_trigger(arg_name="timer", schedule="0 30 3 * * *", run_on_startup=False, use_monitor=True)
def purge(timer: func.TimerRequest) -> None:
    """Drops the months that are older than RETENTION_DAYS, every night at 3:30 UTC."""
    del timer
    bootstrap.relay().purges.purge()
