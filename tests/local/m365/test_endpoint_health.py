"""When Graph stops trusting an endpoint."""

from local.m365.behaviour import Behaviour
from local.m365.endpoint_health import EndpointHealth


def test_slow_endpoint_waits() -> None:
    """More than a tenth of the answers later than 3 s delays what comes by ten minutes; a tenth does not."""
    health = EndpointHealth(Behaviour())
    for second in range(100):
        health.answered(second, 3.1 if second < 10 else 0.1)
    assert health.delay(100) == 0
    health.answered(100, 3.1)
    assert (health.delay(101), health.delay(701)) == (600, 0)


def test_very_slow_endpoint_loses() -> None:
    """More than 15 % of the answers later than 10 s drops what comes, and old answers are forgotten."""
    health = EndpointHealth(Behaviour())
    verdicts = [health.answered(second, 10.5 if second >= 80 else 0.1) for second in range(100)]
    assert verdicts[-1]
    assert health.drops(100)
    assert not health.drops(700)
    assert not any(health.answered(2000 + second, 0.1) for second in range(200))


def test_rules_can_be_off() -> None:
    """Without the rules an endpoint may be as slow as it likes."""
    health = EndpointHealth(Behaviour(endpoint_rules=False))
    assert not any(health.answered(second, 11) for second in range(200))
    assert health.delay(200) == 0
