"""
What a request knows of its session, and how that differs from what is stored.

L{SessionData<twisted_multiserver.sessions.data.SessionData>} is the application's side of it,
L{Writes<twisted_multiserver.sessions.writes.Writes>} the store's.

Invariants: a session that is new and empty is no change; what was destroyed is another life,
and what the store says of an earlier one is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_bytes

from twisted_multiserver.sessions.errors import SessionReadOnly, TooLateForCookies
from twisted_multiserver.sessions.fields import FieldChange, FieldRules, Fields
from twisted_multiserver.sessions.meta import BIRTH_SIZE


@dataclass(frozen=True, slots=True)
class SessionChange:
    """
    What a request changed.

    @ivar fields: in the fields; L{None} for nothing.
    @ivar principal: whom the session belongs to from now on; L{None} for no change.
    @ivar rotates: whether it gets a new identifier.
    @ivar expect: what guarded fields must be in the store, as stored.
    @ivar life: the session it is about: there is another after each C{destroy}.
    """

    fields: FieldChange | None
    principal: str | None
    rotates: bool
    expect: Mapping[str, bytes | None]
    life: int


class SessionState:
    """
    What a request knows of its session.

    @ivar principal: whom it belongs to; empty for nobody.
    @ivar rotates: whether it is to get a new identifier.
    @ivar guarded: the fields that nobody else may have changed.
    @ivar life: counts the sessions that this was, one more after each C{destroy}.
    @ivar isNew: whether it began with this request.
    @ivar isStored: whether the store has it.
    @ivar isDestroyed: whether what it was before has yet to be removed from the store.
    @ivar isAccessed: whether the application looked at it or changed it.
    @ivar isDegraded: whether the store could not be asked.
    @ivar isLate: whether the head of the response is settled.
    """

    __slots__ = (
        "_fields",
        "_rules",
        "_storedPrincipal",
        "guarded",
        "isAccessed",
        "isDegraded",
        "isDestroyed",
        "isLate",
        "isNew",
        "isStored",
        "life",
        "principal",
        "rotates",
    )

    def __init__(
        self,
        rules: FieldRules,
        fields: Fields | None = None,
        principal: str = "",
        isDegraded: bool = False,
        isLate: bool = False,
    ) -> None:
        """
        @param rules: how fields are written.
        @param fields: of a session that the store has; L{None} for a new one.
        @param principal: whom it belongs to; empty for nobody.
        @param isDegraded: whether the store could not be asked.
        @param isLate: whether the head of the response is settled.
        """
        self._rules = rules
        self._fields = fields
        self.principal = self._storedPrincipal = principal
        self.guarded: tuple[str, ...] = ()
        self.rotates = False
        self.life = 0
        self.isNew = fields is None
        self.isStored = fields is not None
        self.isDestroyed = False
        self.isAccessed = False
        self.isDegraded = isDegraded
        self.isLate = isLate

    def look(self) -> Fields:
        """
        @return: the fields, to be read.
        """
        self.isAccessed = True
        fields = self._fields
        if fields is None:
            fields = self._fields = Fields(self._rules, {}, token_bytes(BIRTH_SIZE))
        return fields

    def alter(self) -> Fields:
        """
        @return: the fields, to be changed.
        @raise SessionReadOnly: if the store could not be asked.
        @raise TooLateForCookies: if this would begin a session too late.
        """
        self.refuseIfReadOnly()
        if not self.isStored:
            self.refuseIfLate("begin")
        return self.look()

    def end(self) -> None:
        """
        The session is to be removed; what comes now is another one.
        """
        self.isAccessed = True
        self.isDestroyed = True
        self.life += 1
        self._fields = None
        self.guarded = ()
        self.rotates = False
        self.principal = self._storedPrincipal = ""
        self.isNew = True
        self.isStored = False

    def change(self) -> SessionChange | None:
        """
        @return: what was changed and isn't stored yet; L{None} for nothing.
        @raise TypeError: if a value was changed into one that can't be stored.
        @raise SessionTooLarge: if there is too much.
        """
        fields = self._fields
        if not self.isStored and not (fields or self.principal):
            return None
        difference = None if fields is None else fields.difference()
        principal = None if self.principal == self._storedPrincipal else self.principal
        if difference is None and principal is None and not self.rotates:
            return None
        expect: dict[str, bytes | None] = {}
        if fields is not None:
            expect = {name: fields.base.get(name) for name in self.guarded}
        return SessionChange(difference, principal, self.rotates, expect, self.life)

    def applied(self, change: SessionChange) -> None:
        """
        The store has a change.

        @param change: of this life, as L{change} gave it.
        """
        self.isStored = True
        if change.fields is not None and self._fields is not None:
            self._fields.applied(change.fields)
        if change.principal is not None:
            self._storedPrincipal = change.principal
        if change.rotates:
            self.rotates = False

    def revert(self) -> None:
        """
        Forget what was changed and isn't stored, but not that something was destroyed.
        """
        self.rotates = False
        self.principal = self._storedPrincipal
        if self._fields is not None:
            self._fields.revert()

    @property
    def birth(self) -> bytes:
        """
        What the fields are sealed for.
        """
        return self.look().birth

    def refuseIfReadOnly(self) -> None:
        """
        @raise SessionReadOnly: if the store could not be asked.
        """
        if self.isDegraded:
            raise SessionReadOnly("the store of sessions could not be asked; nothing can be kept")

    def refuseIfLate(self, what: str) -> None:
        """
        @param what: it is too late for.
        @raise TooLateForCookies: if the head of the response is settled.
        """
        if self.isLate:
            raise TooLateForCookies(
                f"a session can't {what} any more: the head of the response has gone out"
            )
