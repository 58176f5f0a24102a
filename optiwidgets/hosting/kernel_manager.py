"""The kernels of a class: whose they are, and whether there is room for one more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any
from uuid import uuid4

import zmq
from jupyter_client.session import DELIM
from jupyter_server._tz import utcnow
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from traitlets import Bool, Integer

SOCKETS = 65_000  # zmq's own limit is 1,023 by default: with 5 a kernel, it ends below 200 users
FORKED = "optiwidgets"  # the kernelspec whose kernels are forked
SAME = ("", "python3")  # names of kernels in notebooks that may be forked ones instead
NO_HISTORY = "--HistoryManager.enabled=False"  # nobody types here: nothing to write to a disk

_visit: ContextVar[Visit | None] = ContextVar("visit", default=None)


class Visit:
    """A page being opened by somebody: its kernel has a number, and a place, before it starts."""

    def __init__(self, owner: str) -> None:
        self.owner, self.kernel_id, self.left = owner, str(uuid4()), False


class ClassKernelManager(AsyncMappingKernelManager):
    """Manage kernels, each owned by one browser; forked where ``forked`` is set."""

    max_users = Integer(
        None, allow_none=True, config=True, help="kernels at once, None: any number"
    )
    forked = Bool(False, config=True, help="whether kernels are forked where that can be done")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self.owners: dict[str, str] = {}
        self._visits: set[Visit] = set()
        self.context.set(zmq.MAX_SOCKETS, SOCKETS)

    @property
    def taken(self) -> int:
        """Places taken: kernels, and pages that wait for theirs."""
        return len({*self.list_kernel_ids(), *(visit.kernel_id for visit in self._visits)})

    @property
    def is_full(self) -> bool:
        """True if one more would be too many."""
        return self.max_users is not None and self.taken >= self.max_users

    @contextmanager
    def visit(self, owner: str) -> Iterator[Visit]:
        """Meanwhile kernels are started for this owner, and a place is kept for the first."""
        visit = Visit(owner)
        self._visits.add(visit)
        token = _visit.set(visit)
        try:
            yield visit
        finally:
            self._visits.discard(visit)
            _visit.reset(token)

    async def start_kernel(self, **kwargs: Any) -> str:  # type: ignore[override]
        """Start a kernel for the visit of the moment."""
        visit = _visit.get()
        if self.forked and kwargs.get("kernel_name", "") in SAME:
            kwargs |= {"kernel_name": FORKED, "extra_arguments": [NO_HISTORY]}
        if visit and visit.kernel_id not in self:
            kwargs["kernel_id"] = visit.kernel_id
        kernel_id: str = await super().start_kernel(**kwargs)
        if visit:
            self.owners[kernel_id] = visit.owner
        if visit and visit.left:
            await self.leave(visit)
        return kernel_id

    async def leave(self, visit: Visit) -> None:
        """Nobody waits for this page any more: end its kernel, which may never end by itself."""
        visit.left = True
        if visit.kernel_id in self:
            await self.shutdown_kernel(visit.kernel_id, now=True)  # type: ignore[no-untyped-call]

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """End a forgotten kernel, busy or not; one whose page is being made is not forgotten."""
        if all(visit.kernel_id != kernel_id for visit in self._visits):
            await super().cull_kernel_if_idle(kernel_id)  # type: ignore[no-untyped-call]

    def start_watching_activity(self, kernel_id: str) -> None:
        """Note when a kernel was last active: by the kind of its messages, the rest is unread.

        What Jupyter does instead, dates included, is a fifth of a server's work under 200 hands.
        """
        super().start_watching_activity(kernel_id)  # type: ignore[no-untyped-call]
        kernel = self._kernels[kernel_id]
        kernel._activity_stream.on_recv(partial(self._note, kernel))

    def _note(self, kernel: Any, message: list[bytes]) -> None:
        header, parent, _, content = message[message.index(DELIM) + 2 :][:4]
        asked = json.loads(parent).get("msg_type")
        tracked = asked is not None and asked not in self.untracked_message_types
        if tracked or kernel.execution_state == "busy":
            self.last_kernel_activity = kernel.last_activity = utcnow()
        if json.loads(header)["msg_type"] == "status":
            state = json.loads(content)["execution_state"]
            kernel.execution_state = state if tracked or state == "starting" else "idle"

    def remove_kernel(self, kernel_id: str) -> Any:
        """Forget a kernel, and whose it was."""
        self.owners.pop(kernel_id, None)
        return super().remove_kernel(kernel_id)
