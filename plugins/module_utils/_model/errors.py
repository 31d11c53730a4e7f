# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one family of exceptions. `_run.py` turns it into `fail_json`, and nothing else does."""

from __future__ import annotations


class SwarmError(Exception):
    """Something that the person at the terminal has to know; the text is the whole message."""


class InvalidOption(SwarmError):
    """An option's value is wrong in itself, whatever the hosts look like.

    Takes the item in the user's words ("networks[3] (backend).subnets"), what was expected and what was found.
    """

    def __init__(self, item: str, expected: str, found: object, remedy: str = "") -> None:
        text = f"{item}: expected {expected}, got {found!r}"
        super().__init__(f"{text}; {remedy}" if remedy else text)


class NotReady(SwarmError):
    """A wait came to its deadline, or the verification found something that did not become true."""


class EngineError(SwarmError):
    """The Engine answered with an error; `status` is its HTTP status."""

    def __init__(self, call: str, status: int, message: str) -> None:
        super().__init__(f"the Engine refused {call}: {message} (HTTP {status})")
        self.call = call
        self.status = status
        self.message = message


class OutOfSequence(EngineError):
    """Somebody else was faster between our reading and our change: read and plan again.

    Version.Index has moved, or an object of the name is there already, such as the ingress network that a new swarm makes by itself,
    or a port is not free yet, or any more.
    """


class EngineUnreachable(SwarmError):
    """No Engine answered on this host."""


class NoControl(SwarmError):
    """This host cannot do swarm-wide work now: it is no manager, it is locked, or no leader is in reach."""


class MissingLibrary(SwarmError):
    """A Python library that the module needs is not on the host; `library` is its name on PyPI."""

    def __init__(self, library: str, package: str) -> None:
        super().__init__(
            f"the Python library {library} is missing on this host; install the package {package} "
            f"or run `pip install {library}` for the interpreter that Ansible uses there"
        )
        self.library = library


class CommandFailed(SwarmError):
    """A program that we ran on the host failed."""
