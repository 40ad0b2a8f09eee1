"""The rules by which Graph stops trusting an endpoint: slow ones wait, very slow ones lose their notifications."""

from collections import deque

from local.m365.behaviour import Behaviour

# https://learn.microsoft.com/graph/change-notifications-delivery-webhooks#throttling
SLOW_SHARE = 0.10
DROP_SHARE = 0.15


class EndpointHealth:
    """One host's answers within the window, and the sentence that follows from them."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        #: When, whether later than the first allowance, whether later than the allowance of a retry.
        self._answers: deque[tuple[float, bool, bool]] = deque()
        self._slow = 0
        self._very_slow = 0
        self.delayed_until = 0.0
        self.dropped_until = 0.0

    def answered(self, now: float, seconds: float) -> bool:
        """Records an answer, and says whether notifications are dropped from now on."""
        slow, very_slow = seconds >= self._behaviour.first_timeout, seconds >= self._behaviour.retry_timeout
        self._answers.append((now, slow, very_slow))
        self._slow += slow
        self._very_slow += very_slow
        while self._answers[0][0] < now - self._behaviour.endpoint_window:
            self._forget_oldest()
        return self._judge(now)

    def _judge(self, now: float) -> bool:
        seen = len(self._answers)
        if seen < self._behaviour.endpoint_sample or not self._behaviour.endpoint_rules:
            return False
        if self._very_slow > seen * DROP_SHARE and now >= self.dropped_until:
            self.dropped_until = now + self._behaviour.endpoint_window
            return True
        if self._slow > seen * SLOW_SHARE:
            self.delayed_until = now + self._behaviour.endpoint_window
        return False

    def _forget_oldest(self) -> None:
        _, slow, very_slow = self._answers.popleft()
        self._slow -= slow
        self._very_slow -= very_slow

    def delay(self, now: float) -> float:
        """How long a new notification waits before its first attempt."""
        return self._behaviour.endpoint_window if now < self.delayed_until else 0.0

    def drops(self, now: float) -> bool:
        """Whether a new notification is thrown away."""
        return now < self.dropped_until
