"""Timers: the tick that turns what is due into jobs."""

import azure.functions as func

from shared import bootstrap

bp = func.Blueprint()


@bp.function_name("timers")
@bp.timer_trigger(arg_name="timer", schedule="0 */5 * * * *", run_on_startup=False, use_monitor=True)
def timers(timer: func.TimerRequest) -> None:
    """Queues a job for everything that is due, every 5 minutes."""
    del timer
    bootstrap.relay().timers.tick()
