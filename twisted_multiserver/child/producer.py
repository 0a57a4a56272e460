"""
What writes a response by itself, and how it is slowed down.
"""

from __future__ import annotations

from typing import cast

from twisted.internet._producer_helpers import _PullToPush
from twisted.internet.interfaces import IConsumer, IProducer, IPushProducer


class ResponseProducer:
    """
    A producer of either kind (C{IPushProducer}, C{IPullProducer}).
    """

    __slots__ = ("_isPaused", "_producer", "_pulled")

    def __init__(self, producer: IProducer, streaming: bool, consumer: IConsumer) -> None:
        """
        @param producer: the application's.
        @param streaming: whether it writes by itself; otherwise it writes when it is asked.
        @param consumer: what it writes to.
        """
        self._isPaused = False
        self._pulled = None if streaming else _PullToPush(producer, consumer)
        self._producer = self._pulled or cast(IPushProducer, producer)

    def start(self) -> None:
        """
        Begin to ask, if it wants to be asked.
        """
        if self._pulled is not None:
            self._pulled.startStreaming()

    def pause(self) -> None:
        """
        The client is slow.
        """
        if not self._isPaused:
            self._isPaused = True
            self._producer.pauseProducing()

    def resume(self) -> None:
        """
        The client takes more.
        """
        if self._isPaused:
            self._isPaused = False
            self._producer.resumeProducing()

    def leave(self) -> None:
        """
        It has written all.
        """
        if self._pulled is not None:
            self._pulled.stopStreaming()

    def stop(self) -> None:
        """
        The client has gone.
        """
        self.leave()
        self._producer.stopProducing()
