"""What the repository says of a deployment."""

import pytest

from infra.costs.deployed import _moments, is_told_of, timer_runs


@pytest.mark.parametrize(
    ("field", "moments"), [("*", 60), ("7", 1), ("*/5", 12), ("2-59/5", 12), ("3/15", 4), ("1,2,40", 3)]
)
def test_a_schedule_is_counted(field: str, moments: int) -> None:
    """A field of a schedule means so many minutes."""
    assert len(_moments(field, 60)) == moments


def test_every_timer_is_counted(app_functions: list[object]) -> None:
    """The timers of functions/ run as often as their schedules in the app say."""
    schedules = [
        trigger["schedule"]
        for function in app_functions
        if (trigger := function.get_trigger().get_dict_repr())["type"] == "timerTrigger"  # type: ignore[attr-defined]
    ]
    assert schedules
    assert timer_runs() == sum(
        len(_moments(minute, 60)) * len(_moments(hour, 24)) for _, minute, hour, *_ in map(str.split, schedules)
    )


def test_the_host_speaks_unless_it_is_told_not_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The most particular category of host.json decides whether the host logs executions."""
    levels = {"default": "Information", "Function": "Information", "Function.changes": "Warning"}
    monkeypatch.setattr("infra.costs.deployed.json.loads", lambda _: {"logging": {"logLevel": levels}})
    is_told_of.cache_clear()
    assert [is_told_of(function) for function in ("changes", "jobs")] == [False, True]
    is_told_of.cache_clear()
