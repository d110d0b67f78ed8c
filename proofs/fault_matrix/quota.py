"""A quota of AWS's, kept by the proxy: so many calls of one operation a second, and the others are
throttled.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from proofs.fault_matrix.calls import Call
from proofs.fault_matrix.rules import Answer, Fault, answer_to


@dataclass
class Quota:
    """A token bucket, as AWS's own limits are: `rate` tokens a second, at most a second's worth of
    them kept.
    """

    call: str
    rate: float
    clock: Callable[[], float] = time.monotonic
    passed: int = 0
    throttled: int = 0
    _tokens: float = field(init=False)
    _at: float = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._tokens, self._at = max(1.0, self.rate), self.clock()

    def __call__(self, call: Call) -> Answer | None:
        """The proxy's gate: None lets the call pass."""
        if call.name != self.call:
            return None
        with self._lock:
            now = self.clock()
            self._tokens = min(max(1.0, self.rate), self._tokens + (now - self._at) * self.rate)
            self._at = now
            if self._tokens >= 1:
                self._tokens -= 1
                self.passed += 1
                return None
            self.throttled += 1
        return answer_to(call, Fault.THROTTLED_TWICE)
