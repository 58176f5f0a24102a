"""Comm filter: passes only well-formed messages to widgets, from pages that run no code.

Under Voila a page needs two things: to request the state of all widgets once, and to update
widgets. It opens and closes no widgets and sees no traceback: tracebacks go to the host's log.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any

CONTROL = "jupyter.widget.control"  # target by which a page requests all widgets
MOST_OPEN = 8  # such channels; a page has one, and one more after each reload
LONGEST_NAME = 100  # characters
LOUD = ("optiwidgets", "ipykernel.comm", "comm")  # loggers whose records would appear on the page


def install_comm_filter(kernel: Any) -> None:
    """Install the filter on a kernel served by Voila, once."""
    if kernel is None or not served() or getattr(kernel, "optiwidgets_door", None):
        return
    kernel.optiwidgets_door = door = CommFilter(kernel)
    for kind in ("comm_open", "comm_msg", "comm_close"):
        kernel.shell_handlers[kind] = door.watch(kind, kernel.shell_handlers[kind])
    for name in LOUD:
        logging.getLogger(name).addHandler(_ToHost(kernel.log))
        logging.getLogger(name).propagate = False
    kernel.shell._showtraceback = _quiet(kernel, kernel.shell._showtraceback)


def served() -> bool:
    """Tell whether Voila serves this kernel, so that its pages run no code."""
    return os.environ.get("SERVER_SOFTWARE", "").startswith("voila")


class CommFilter:
    """Filter that passes the messages a page needs to send, and drops all others."""

    def __init__(self, kernel: Any) -> None:
        self._log, self._comms = kernel.log, kernel.comm_manager.comms
        self._asking: list[str] = []  # ids of the channels opened by pages, oldest first

    def watch(self, kind: str, handle: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a message handler so that it receives only valid messages."""
        check = getattr(self, f"_check_{kind.removeprefix('comm_')}")

        def watched(stream: Any, ident: Any, message: Any) -> None:
            content = message.get("content")
            name = content.get("comm_id") if isinstance(content, dict) else None
            known = isinstance(name, str) and 0 < len(name) <= LONGEST_NAME
            if not known or not check(name, content, message):
                self._log.debug("dropped a %s of a page", kind)
                return
            try:
                handle(stream, ident, message)
            except Exception:  # noqa: BLE001 (logged, for the host)
                self._log.exception("a %s of a page failed", kind)

        return watched

    def _check_open(self, name: str, content: dict[str, Any], message: dict[str, Any]) -> bool:
        """Accept a channel that requests all widgets; above the limit, close the oldest."""
        told = message.get("metadata")
        version = told.get("version") if isinstance(told, dict) else None
        right = isinstance(version, str) and version.startswith("1.")
        if content.get("target_name") != CONTROL or name in self._comms or not right:
            return False
        self._asking.append(name)
        if len(self._asking) > MOST_OPEN:
            self._comms.pop(self._asking.pop(0), None)
        return True

    def _check_msg(self, name: str, content: dict[str, Any], message: dict[str, Any]) -> bool:
        """Accept a message to an existing widget; the message guard checks its values."""
        data = content.get("data")
        if name not in self._comms or not isinstance(data, dict):
            return False
        return name not in self._asking or data.get("method") == "request_states"

    def _check_close(self, name: str, content: dict[str, Any], message: dict[str, Any]) -> bool:
        """Accept the closing of a channel that a page opened."""
        if name not in self._asking:
            return False
        self._asking.remove(name)
        return name in self._comms


class _ToHost(logging.Handler):
    """Handler that sends records to the kernel's own log, which only the host reads."""

    def __init__(self, log: logging.Logger) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Forward a record."""
        self._log.handle(record)


def _quiet(kernel: Any, show: Callable[..., None]) -> Callable[..., None]:
    """Show the errors of cells only; write all others to the host's log."""

    def showtraceback(kind: Any, error: Any, lines: Any) -> None:
        header = kernel.get_parent("shell").get("header", {})
        if header.get("msg_type") == "execute_request":
            show(kind, error, lines)
        else:
            kernel.log.error("a page's message failed:\n%s", "\n".join(lines))

    return showtraceback
