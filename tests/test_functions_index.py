"""The Functions worker and host accept every function of the app, and no route hides another."""

import re
from collections import Counter
from typing import Any

from local.host import rules


def test_worker_and_host_accept_every_function(app_functions: list[Any]) -> None:
    """No function breaks a rule of the worker or the host; one that did would take all others down."""
    assert app_functions
    assert rules.check(app_functions) == []


def test_function_names_are_unique(app_functions: list[Any]) -> None:
    """No two functions have one name, even where upper and lower case differ."""
    names = Counter(function.get_function_name().lower() for function in app_functions)
    assert [name for name, count in names.items() if count > 1] == []


def test_route_and_method_are_unique(app_functions: list[Any]) -> None:
    """A method of a route belongs to one function; another name for a parameter makes no other route."""
    pairs = Counter(
        (re.sub(r"{\w+", "{", trigger["route"].strip("/").lower()), str(getattr(method, "value", method)).upper())
        for trigger in (function.get_trigger().get_dict_repr() for function in app_functions)
        if trigger["type"] == "httpTrigger"
        for method in trigger["methods"]
    )
    assert [pair for pair, count in pairs.items() if count > 1] == []


def test_literal_routes_come_before_parameters(app_functions: list[Any]) -> None:
    """A function with a literal route sorts before one whose parameter would swallow it."""
    # The host takes the first match in order of function name: https://github.com/Azure/azure-functions-host/issues/3153
    assert rules.shadowed(app_functions) == []
