"""An IPython kernel that leaves the memory it shares with the others alone.

Writing to a page copies it, and counting a reference is writing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, ClassVar

import ipywidgets
from ipykernel import ipkernel
from ipykernel.kernelapp import IPKernelApp

NO_PARENT = "--IPKernelApp.parent_handle=1"  # the forking process sees to its children itself


class _FewModules:
    """``sys``, but for the modules that are loaded."""

    modules: ClassVar[dict[str, Any]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)


class LeanKernel(ipkernel.IPythonKernel):
    """Does not list the files of all modules for a debugger, which would copy 20 MB."""

    def __init__(self, **kwargs: Any) -> None:
        vars(ipkernel)["sys"] = _FewModules()
        try:
            super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        finally:
            vars(ipkernel)["sys"] = sys
        ipywidgets.register_comm_target()  # which its import does only if a kernel is there by then


def run(argv: Sequence[str]) -> None:
    """Be a kernel, as ``python -m ipykernel_launcher`` with these arguments would."""
    IPKernelApp.launch_instance(argv=[*argv, NO_PARENT], kernel_class=LeanKernel)
