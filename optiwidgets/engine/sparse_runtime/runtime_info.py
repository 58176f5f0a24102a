"""Report of the installed runtimes; only the sparse runtime is imported for it."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version

from optiwidgets.engine.sparse_runtime import build, library
from optiwidgets.engine.types.runtime_info import RuntimeInfo

INSTRUCTIONS = {"avx512": "AVX-512 (F, VL, DQ, BW)", "avx2": "AVX2 with FMA"}
BASELINE = {"x86_64": "SSE2", "aarch64": "NEON"}


def runtime_info() -> RuntimeInfo:
    """Return the versions of the installed runtimes and the sparse runtime's instruction set.

    Examples
    --------
    >>> info = runtime_info()
    >>> info.sparse_runtime in ("avx512", "avx2", "baseline", "")
    True
    >>> bool(info.sparse_runtime) == (not info.reason)
    True
    """
    onnx_runtime, torch, reason = _version("onnxruntime"), _version("torch"), library.reason()
    found = None if reason else library.load()
    if found is None:
        return RuntimeInfo(onnx_runtime, torch, reason=reason)
    machine = build.Target.here().machine
    instructions = INSTRUCTIONS.get(found.name) or BASELINE.get(machine, f"baseline of {machine}")
    return RuntimeInfo(onnx_runtime, torch, found.name, instructions, found.lanes, found.most_macs)


@cache
def _version(module: str) -> str:
    """Return a module's version, whatever its distribution is called (such as onnxruntime-gpu)."""
    try:
        return version(module)
    except PackageNotFoundError:
        names = packages_distributions().get(module, [])
        return version(names[0]) if names else "not installed"
