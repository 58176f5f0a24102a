"""Kernel manager of a class: owners of kernels, and number of free places."""

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

SOCKETS = 65_000  # zmq's default of 1,023, with 5 a kernel, ends below 200 users
FORKED = "optiwidgets"  # kernelspec of forked kernels
SAME = ("", "python3")  # kernel names of notebooks that are replaced by forked kernels
NO_HISTORY = "--HistoryManager.enabled=False"  # pages run no typed code: nothing to store

_visit: ContextVar[Visit | None] = ContextVar("visit", default=None)


class Visit:
    """Page that is being opened: it has a kernel id and a place before its kernel starts."""

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
        """Number of places taken: kernels, and pages that wait for theirs."""
        return len({*self.list_kernel_ids(), *(visit.kernel_id for visit in self._visits)})

    @property
    def is_full(self) -> bool:
        """True if no place is free."""
        return self.max_users is not None and self.taken >= self.max_users

    @contextmanager
    def visit(self, owner: str) -> Iterator[Visit]:
        """Reserve a place for an owner's page; kernels started meanwhile belong to the owner."""
        visit = Visit(owner)
        self._visits.add(visit)
        token = _visit.set(visit)
        try:
            yield visit
        finally:
            self._visits.discard(visit)
            _visit.reset(token)

    async def start_kernel(self, **kwargs: Any) -> str:  # type: ignore[override]
        """Start a kernel for the current visit."""
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
        """End the kernel of a page that was left: it may never end by itself."""
        visit.left = True
        if visit.kernel_id in self:
            await self.shutdown_kernel(visit.kernel_id, now=True)  # type: ignore[no-untyped-call]

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """Cull an idle kernel, unless its page is still being opened."""
        if all(visit.kernel_id != kernel_id for visit in self._visits):
            await super().cull_kernel_if_idle(kernel_id)  # type: ignore[no-untyped-call]

    def start_watching_activity(self, kernel_id: str) -> None:
        """Record when a kernel was last active, by the kind of its messages only.

        Jupyter's own method parses all of each message, dates included: a fifth of a server's work
        while 200 users drag.
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
        """Remove a kernel and its owner."""
        self.owners.pop(kernel_id, None)
        return super().remove_kernel(kernel_id)
