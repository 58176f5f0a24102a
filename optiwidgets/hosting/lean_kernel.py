"""IPython kernel that does not write to the memory it shares with other kernels.

Writing to a memory page copies it, and so does changing a reference count.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, ClassVar

import ipywidgets
from ipykernel import ipkernel
from ipykernel.kernelapp import IPKernelApp

NO_PARENT = "--IPKernelApp.parent_handle=1"  # instead of a poller, die_with()


class _FewModules:
    """Stand-in for ``sys`` without the loaded modules."""

    modules: ClassVar[dict[str, Any]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)


class LeanKernel(ipkernel.IPythonKernel):
    """Kernel that does not list the files of all modules for a debugger, which would copy 20 MB."""

    def __init__(self, **kwargs: Any) -> None:
        vars(ipkernel)["sys"] = _FewModules()
        try:
            super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        finally:
            vars(ipkernel)["sys"] = sys
        ipywidgets.register_comm_target()  # imported only if a kernel exists by then


def run(argv: Sequence[str]) -> None:
    """Run a kernel as ``python -m ipykernel_launcher`` with these arguments does."""
    IPKernelApp.launch_instance(argv=[*argv, NO_PARENT], kernel_class=LeanKernel)
