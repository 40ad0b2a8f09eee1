"""Finds the functions of an app the way the Python worker does."""

import importlib.util
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from azure.functions.decorators.function_app import Function, FunctionRegister

from local.host import rules, settings
from local.host.declared import Declared, declare
from local.host.errors import StartRefused

_log = logging.getLogger("Host.Startup")
_SUPPORTED = ("httpTrigger", "queueTrigger", "timerTrigger")


def load(root: Path) -> list[Declared]:
    """Returns the functions of function_app.py that this host runs; a broken rule refuses the start."""
    functions = find_functions(root)
    if problems := rules.check(functions):
        raise StartRefused("\n".join(problems))
    for warning in rules.shadowed(functions):
        _log.warning(warning)
    return [_expanded(each) for each in map(declare, functions) if _is_runnable(each)]


def find_functions(root: Path) -> Sequence[Function]:
    """
    Imports function_app.py and asks its single FunctionApp for its functions.

    The library counts names across calls, so an app answers once per process.
    """
    module = _import(root)
    apps = [name for name, value in vars(module).items() if isinstance(value, FunctionRegister)]
    if len(apps) != 1:
        raise StartRefused(
            f"function_app.py must hold exactly one FunctionApp under one name, but has {', '.join(apps) or 'none'}."
        )
    try:
        return list(getattr(module, apps[0]).get_functions())
    except ValueError as error:
        raise StartRefused(f"The worker cannot index function_app.py: {error}") from error


def _import(root: Path) -> ModuleType:
    path = root / "function_app.py"
    spec = importlib.util.spec_from_file_location("function_app", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise StartRefused(f"There is no function_app.py in {root}: name the folder of the app with --root.")
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    module = sys.modules["function_app"] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        traceback.print_exc()
        raise StartRefused(f"function_app.py cannot be imported: {type(error).__name__}: {error}") from error
    return module


def _is_runnable(function: Declared) -> bool:
    # https://learn.microsoft.com/azure/azure-functions/disable-function
    switches = (f"AzureWebJobs.{function.name}.Disabled", f"AzureWebJobs_{function.name}_Disabled")
    if any(os.environ.get(switch, "").lower() in ("1", "true") for switch in switches):
        _log.warning("Function %s is disabled.", function.name)
        return False
    if function.trigger.type not in _SUPPORTED:
        _log.warning("Function %s has a %s, which this host does not run.", function.name, function.trigger.type)
        return False
    return True


def _expanded(function: Declared) -> Declared:
    bindings = tuple(
        replace(
            binding,
            properties={
                key: settings.expand(value) if key in ("queueName", "schedule", "route") else value
                for key, value in binding.properties.items()
            },
        )
        for binding in function.bindings
    )
    trigger = next(binding for binding in bindings if binding.name == function.trigger.name)
    outputs = tuple(binding for binding in bindings if binding.is_output)
    return replace(function, bindings=bindings, trigger=trigger, outputs=outputs)
