"""
The life of one incarnation, as one table::

    starting ---> ready ---> draining ---> terminating ---> dumping ---> killed
        |           |           |              |               |            |
        +-----------+-----------+----> gone <--+---------------+------------+

A child is asked to stop in this order: it gets no new exchanges (draining), SIGTERM
(terminating), is asked for a stack dump (dumping), SIGKILL for its group (killed).
A boot that takes too long and an event loop that hangs enter at the dump, one that takes
too much memory at the end.

Invariants: an exit that was asked for is never a crash; whatever happens, each step
has a budget, so that every path ends in I{gone}.
"""

from __future__ import annotations

from typing import Protocol

from automat import TypeMachineBuilder


class Life(Protocol):
    """
    What can happen to an incarnation.
    """

    def readied(self) -> None:
        """
        It says that it serves.
        """

    def bootOverdue(self) -> None:
        """
        It isn't ready within the boot budget.
        """

    def beatOverdue(self) -> None:
        """
        Its event loop gave no sign of life within the run budget.
        """

    def overgrown(self) -> None:
        """
        It takes far too much memory.
        """

    def stop(self) -> None:
        """
        It is to stop.
        """

    def drained(self) -> None:
        """
        Its exchanges have finished.
        """

    def drainOverdue(self) -> None:
        """
        They haven't within the drain budget.
        """

    def stopOverdue(self) -> None:
        """
        It hasn't exited within the stop budget.
        """

    def dumped(self) -> None:
        """
        The stack dump has had its time.
        """

    def exited(self) -> None:
        """
        Its process is no more.
        """


class Actions(Protocol):
    """
    What is done about it.
    """

    def admit(self) -> None:
        """
        Let it serve, and watch its event loop.
        """

    def expectExit(self) -> None:
        """
        From now on its exit is as it should be.
        """

    def drain(self) -> None:
        """
        Let its exchanges finish, within the drain budget.
        """

    def noteDrained(self, isComplete: bool) -> None:
        """
        It serves nothing any more.

        @param isComplete: whether it has finished all that it had.
        """

    def terminate(self) -> None:
        """
        Send SIGTERM and give it the stop budget.
        """

    def dump(self) -> None:
        """
        Ask for a stack dump and give it a moment.
        """

    def kill(self) -> None:
        """
        Send SIGKILL to its group.
        """

    def blameBoot(self) -> None:
        """
        Note that it did not boot in time.
        """

    def blameHang(self) -> None:
        """
        Note that it hangs, and let it serve no more.
        """

    def blameMemory(self) -> None:
        """
        Note that it took too much memory.
        """

    def conclude(self) -> None:
        """
        It is gone: end its group, forget it, tell.
        """


# Automat wants a class to make; the actions are made by their owner.
_builder = TypeMachineBuilder(Life, Actions)  # type: ignore[type-abstract]

starting = _builder.state("starting")
ready = _builder.state("ready")
draining = _builder.state("draining")
terminating = _builder.state("terminating")
dumping = _builder.state("dumping")
killed = _builder.state("killed")
gone = _builder.state("gone")


@starting.upon(Life.readied).to(ready)
def _ready(life: Life, actions: Actions) -> None:
    actions.admit()


@starting.upon(Life.bootOverdue).to(dumping)
def _bootsTooLong(life: Life, actions: Actions) -> None:
    actions.blameBoot()
    actions.dump()


@starting.upon(Life.stop).to(terminating)
def _stopsBeforeReady(life: Life, actions: Actions) -> None:
    actions.expectExit()
    actions.terminate()


@ready.upon(Life.beatOverdue).to(dumping)
def _hangs(life: Life, actions: Actions) -> None:
    actions.blameHang()
    actions.dump()


@ready.upon(Life.overgrown).to(killed)
def _takesTooMuch(life: Life, actions: Actions) -> None:
    actions.blameMemory()
    actions.kill()


@ready.upon(Life.stop).to(draining)
def _stops(life: Life, actions: Actions) -> None:
    actions.expectExit()
    actions.drain()


@draining.upon(Life.drained).to(terminating)
def _hasFinished(life: Life, actions: Actions) -> None:
    actions.noteDrained(isComplete=True)
    actions.terminate()


@draining.upon(Life.drainOverdue).to(terminating)
def _finishesTooLate(life: Life, actions: Actions) -> None:
    actions.noteDrained(isComplete=False)
    actions.terminate()


@terminating.upon(Life.stopOverdue).to(dumping)
def _doesNotStop(life: Life, actions: Actions) -> None:
    actions.dump()


@dumping.upon(Life.dumped).to(killed)
def _isKilled(life: Life, actions: Actions) -> None:
    actions.kill()


def _concludes(life: Life, actions: Actions) -> None:
    actions.conclude()


def _isNoNews(life: Life, actions: Actions) -> None:
    """
    What comes late, or twice, changes nothing.
    """


for _state in (starting, ready, draining, terminating, dumping, killed):
    _state.upon(Life.exited).to(gone)(_concludes)
_whileItServes = (Life.readied, Life.bootOverdue, Life.beatOverdue, Life.overgrown)
_endOfDrain = (Life.drained, Life.drainOverdue)
_ignored = {
    starting: (Life.beatOverdue, Life.overgrown, *_endOfDrain, Life.stopOverdue, Life.dumped),
    ready: (Life.readied, Life.bootOverdue, *_endOfDrain, Life.stopOverdue, Life.dumped),
    draining: (*_whileItServes, Life.stop, Life.stopOverdue, Life.dumped),
    terminating: (*_whileItServes, Life.stop, *_endOfDrain, Life.dumped),
    dumping: (*_whileItServes, Life.stop, *_endOfDrain, Life.stopOverdue),
    killed: (*_whileItServes, Life.stop, *_endOfDrain, Life.stopOverdue, Life.dumped),
    gone: (
        *(*_whileItServes, Life.stop, *_endOfDrain, Life.stopOverdue, Life.dumped),
        Life.exited,
    ),
}
for _state, _inputs in _ignored.items():
    for _input in _inputs:
        _state.upon(_input).loop()(_isNoNews)

makeLife = _builder.build()
