"""
Asking the policy: the part of an exchange in which user code is called.

Invariants: a policy that fails harms one request; what it gives back is one of the backends
that it was shown, or the request is answered with 500; one that answers later is waited for
as long as a request may wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted_multiserver.balancing.affinity import Affinity
from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.policy import BadChoice
from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.gateway.distribution import Distribution
from twisted_multiserver.gateway.pending import Pending
from twisted_multiserver.gateway.plan import Answer, Decision, ExchangePlan, Send

if TYPE_CHECKING:
    from twisted.python.failure import Failure


class Choosing:
    """
    What an exchange is made on.

    @ivar deadline: when waiting ends, in seconds of the clock.
    @ivar isAlone: whether it is tried while no other such one is.
    @ivar sentAt: when it was given to its backend, in seconds of the clock.
    @ivar tries: how many times it was sent.
    """

    __slots__ = (
        "_choosing",
        "_cookie",
        "_distribution",
        "_ended",
        "_info",
        "deadline",
        "isAlone",
        "sentAt",
        "tries",
    )

    _choosing: Pending[object] | None
    _cookie: bytes | None
    _distribution: Distribution
    _ended: bool
    _info: RequestInfo
    deadline: float
    isAlone: bool
    sentAt: float
    tries: int

    @property
    def description(self) -> str:
        """
        Method and target, for people.
        """
        raise NotImplementedError

    @property
    def fingerprint(self) -> bytes:
        """
        What it shares with its like alone; empty if that isn't known.
        """
        raise NotImplementedError

    @property
    def signature(self) -> bytes:
        """
        The same of all of its head.
        """
        raise NotImplementedError

    def goOn(self) -> None:
        """
        What was waited for may be there.
        """
        raise NotImplementedError

    def overdue(self) -> None:
        """
        Waited long enough.
        """
        choosing, self._choosing = self._choosing, None
        if choosing is None:
            self.goOn()
            return
        self._distribution.stopWaiting(self)
        self._follow(Answer(503, "the balancer did not choose in time"))
        # Only now, so that its answer is nobody's.
        choosing.cancel()

    def _planned(self) -> ExchangePlan:
        raise NotImplementedError

    def _follow(self, decision: Decision | None) -> None:
        raise NotImplementedError

    def _choose(self, backends: tuple[Backend, ...]) -> Decision | None:
        try:
            choice = self._distribution.policy.choose(self._info, backends)
        except Exception:  # the user's own code
            return self._policyFailed(None)
        return self._chose(choice, backends)

    def _chose(self, choice: object, backends: tuple[Backend, ...]) -> Decision | None:
        if isinstance(choice, Pending):
            self._choosing = choice
            self.deadline = self._distribution.seconds() + self._distribution.budgets.queue
            self._distribution.watch(self)
            choice.addCallbacks(
                lambda chosen: self._follow(self._checked(chosen, backends)),
                lambda failure: self._follow(self._policyFailed(failure)),
            )
            return None
        return self._checked(choice, backends)

    def _checked(self, choice: object, backends: tuple[Backend, ...]) -> Decision | None:
        try:
            return self._chosen(choice, backends)
        except BadChoice:
            return self._policyFailed(None)

    def _chosen(self, choice: object, backends: tuple[Backend, ...]) -> Decision | None:
        self._choiceIsOver()
        self._cookie = None
        backend = choice
        if isinstance(choice, Affinity):
            backend, self._cookie = choice.backend, choice.cookie
        if backend is None:
            return None if self._ended else self._planned().noneSuits()
        if not isinstance(backend, Backend) or backend not in backends:
            raise BadChoice(f"choose gave back {choice!r}, which is none of the backends")
        decision = self._planned().chosen(backend)
        if self._ended or not isinstance(decision, Send):
            outcome = Outcome.clientGone if self._ended else Outcome.withdrawn
            self._distribution.tellPolicy(backend, self._info, outcome)
        return decision

    def _choiceIsOver(self) -> None:
        if self._choosing is not None:
            self._choosing = None
            self._distribution.stopWaiting(self)

    def _policyFailed(self, failure: Failure | None) -> Decision | None:
        self._choiceIsOver()
        if self._ended:
            # It was cancelled.
            return None
        self._distribution.log.failure("the balancer failed to choose", failure)
        return Answer(500, "the balancer failed")
