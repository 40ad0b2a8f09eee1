"""Expiries: the timer that looks after the notices about credentials that expire."""

import azure.functions as func

from shared import bootstrap

bp = func.Blueprint()


@bp.function_name("expiries")
@bp.timer_trigger(arg_name="timer", schedule="0 40 3 * * *", run_on_startup=False, use_monitor=True)
def expiries(timer: func.TimerRequest) -> None:
    """Schedules every notice that is missing, every night at 3:40 UTC."""
    del timer
    bootstrap.relay().expiries.repair()
