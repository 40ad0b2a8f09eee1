"""The function app: every blueprint, one line each, and the one FunctionApp that the worker looks for."""

import azure.functions as func

from functions import (
    accounts,
    changes,
    deliveries,
    expiries,
    health,
    instance_settings,
    jobs,
    metrics,
    notifications,
    oauth2,
    poison,
    purge,
    retries,
    sign_ins,
    timers,
    tokens,
)

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
app.register_functions(accounts.bp)
app.register_functions(changes.bp)
app.register_functions(deliveries.bp)
app.register_functions(expiries.bp)
app.register_functions(health.bp)
app.register_functions(instance_settings.bp)
app.register_functions(jobs.bp)
app.register_functions(metrics.bp)
app.register_functions(notifications.bp)
app.register_functions(oauth2.bp)
app.register_functions(poison.bp)
app.register_functions(purge.bp)
app.register_functions(retries.bp)
app.register_functions(sign_ins.bp)
app.register_functions(timers.bp)
app.register_functions(tokens.bp)
