"""
The rules that a function app must keep, here and in Azure.

The Python worker indexes all functions or none, so one bad signature empties the app; the host then refuses names,
routes, queues and schedules one by one. Both are checked before anything starts.
"""

import re
from collections.abc import Iterator, Sequence

from azure.functions.decorators.function_app import Function

from local.host import ncrontab, route_rules, signatures
from local.host.declared import Declared, declare

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,127}", re.IGNORECASE)
# https://learn.microsoft.com/rest/api/storageservices/naming-queues-and-metadata
_QUEUE = re.compile(r"(?=.{3,63}$)[a-z0-9]+(?:-[a-z0-9]+)*")


def check(functions: Sequence[Function]) -> list[str]:
    """Returns one sentence per violation, naming the function and the mend; an empty list is a good app."""
    declared = [declare(function) for function in functions]
    return [
        *_names(declared),
        *(problem for function in declared for problem in signatures.problems(function)),
        *route_rules.problems([each for each in declared if each.trigger.type == "httpTrigger"]),
        *(problem for function in declared for problem in _queues(function)),
        *(problem for function in declared for problem in _schedule(function)),
    ]


def shadowed(functions: Sequence[Function]) -> list[str]:
    """Returns one sentence per function that no request can reach; the host allows it, and nobody wants it."""
    return route_rules.shadowed([each for each in map(declare, functions) if each.trigger.type == "httpTrigger"])


def _names(functions: Sequence[Declared]) -> Iterator[str]:
    seen: dict[str, str] = {}
    for function in functions:
        if not _NAME.fullmatch(function.name) or function.name.lower() == "host":
            yield (
                f"Function {function.name!r} has a name that the host refuses: begin with a letter, then use letters, "
                "digits, - and _, and not the word host."
            )
        if function.name.lower() in seen:
            yield f"Functions {seen[function.name.lower()]} and {function.name} have one name: rename one."
        seen[function.name.lower()] = function.name


def _queues(function: Declared) -> Iterator[str]:
    for binding in function.bindings:
        if binding.type not in ("queueTrigger", "queue"):
            continue
        queue = str(binding.properties.get("queueName", ""))
        if "%" not in queue and not _QUEUE.fullmatch(queue):
            yield (
                f"Function {function.name} names the queue {queue!r}: use 3 to 63 lower-case letters, digits and "
                "single dashes."
            )


def _schedule(function: Declared) -> Iterator[str]:
    if function.trigger.type != "timerTrigger":
        return
    schedule = str(function.trigger.properties.get("schedule", ""))
    if "%" in schedule:
        return
    try:
        ncrontab.parse(schedule)
    except ValueError as error:
        yield f"Function {function.name} cannot be scheduled: {error}."
