"""
Asking for configurations.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.config import MasterConfig
from twisted_multiserver.errors import ConfigError
from twisted_multiserver.settings import makeConfig


class SettingsTestCase(SynchronousTestCase):
    """
    Asks for configurations.
    """

    def make(self, *words: str, **environ: str) -> MasterConfig:
        """
        @param words: of the command line, such as C{"children=3"}.
        @param environ: the environment.
        @return: the configuration.
        """
        given: dict[str, list[str]] = {}
        for word in words:
            name, _, text = word.partition("=")
            given.setdefault(name, []).append(text)
        return makeConfig(given, environ)

    def refusal(self, *words: str, **environ: str) -> str:
        """
        @param words: of the command line.
        @param environ: the environment.
        @return: what the user is told, one line.
        """
        error = self.assertRaises(ConfigError, self.make, *words, **environ)
        self.assertEqual(len(str(error).splitlines()), 1)
        return str(error)

    def file(self, text: str | bytes) -> str:
        """
        @param text: of a TOML file.
        @return: its path.
        """
        path = Path(self.mktemp())
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return str(path)
