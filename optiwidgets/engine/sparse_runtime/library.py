"""Loading of the sparse runtime's library: the best one that this processor supports."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from optiwidgets.engine.sparse_runtime import build

ABI = 3  # version of the functions in kernel.cpp
BITS = {"avx512": 2, "avx2": 1, "baseline": 0}  # bits of sparse_features, the best first
CHOICES = (*BITS, "off")
# Multiply-accumulates per image up to which the sparse runtime needs less CPU time than ONNX
# Runtime at 50 % zeros, from benchmarks/runtimes.py; AVX-512 was never timed: the limit of AVX2
MOST_MACS = {"avx512": 25_000_000, "avx2": 25_000_000, "baseline": 1_000_000}
REBUILD = "rebuild it by `python -m optiwidgets.engine.sparse_runtime.build`"


@dataclass(frozen=True)
class Library:
    """Loaded library of the sparse runtime.

    Parameters
    ----------
    name
        Instruction set: "avx512", "avx2" or "baseline" (SSE2, or NEON on ARM).
    lanes
        Images per vector.
    cdll
        Functions of the library; a call releases the GIL.
    """

    name: str
    lanes: int
    cdll: ctypes.CDLL

    @property
    def most_macs(self) -> int:
        """Multiply-accumulates per image up to which the library is faster than ONNX Runtime."""
        return MOST_MACS[self.name]


def load() -> Library | None:
    """Return the best library that runs on this processor, None without one.

    ``OPTIWIDGETS_SPARSE`` forces "avx512", "avx2" or "baseline"; "off" disables the runtime.

    Raises
    ------
    ValueError
        The variable names no library, or one that cannot run here.
    """
    return choose(build.HERE, os.environ.get(build.SWITCH, ""))[0]


def reason() -> str:
    """Return the reason if ``load`` returns None or raises; empty if it returns a library."""
    try:
        return choose(build.HERE, os.environ.get(build.SWITCH, ""))[1]
    except ValueError as error:
        return str(error)


def choose(folder: Path, choice: str = "") -> tuple[Library | None, str]:
    """Choose a library of a folder; return None and the reason if there is none.

    Raises
    ------
    ValueError
        ``choice`` names no library, or one that cannot run here.
    """
    if choice == "off":
        return None, f"switched off by {build.SWITCH}=off"
    if choice and choice not in BITS:
        raise ValueError(f"{build.SWITCH}={choice!r} is none of {', '.join(CHOICES)}")
    loaded, missing = _available(folder)
    if choice and choice not in loaded:
        raise ValueError(
            f"{build.SWITCH}={choice!r} cannot run here: {missing[choice]}; "
            f"choose among {', '.join((*loaded, 'off'))}"
        )
    name = choice or next(iter(loaded), "")
    return (loaded[name], "") if name else (None, missing["baseline"])


@cache
def _available(folder: Path) -> tuple[dict[str, Library], dict[str, str]]:
    """Load the libraries that run here, the best first; return reasons for all others too."""
    target = build.Target.here()
    baseline = _open(folder, target, "baseline")
    if isinstance(baseline, str):
        return {}, dict.fromkeys(BITS, baseline)
    features = int(baseline.cdll.sparse_features())
    loaded, missing = {}, {}
    for name, bit in BITS.items():
        found: Library | str
        if name not in target.variants:
            found = f"there is none for {target.machine}"
        elif bit and not features & bit:
            found = "the processor or the operating system lacks its instructions"
        else:
            found = _open(folder, target, name) if bit else baseline
        if isinstance(found, str):
            missing[name] = found
        else:
            loaded[name] = found
    return loaded, missing


def _open(folder: Path, target: build.Target, name: str) -> Library | str:
    """Load one library or return the reason; only a file with the build's hash is opened."""
    file = target.file(name)
    if not (folder / file).is_file():
        return f"{file} was not built; with a C++ compiler or ziglang installed, {REBUILD}"
    if file not in build.present(folder):
        return f"{file} is damaged: not the file that was built; {REBUILD}"
    source = build.digest(folder / build.SOURCE)
    if source and source != build.read_stamp(folder).get("source"):
        return f"{file} was built from another {build.SOURCE}; {REBUILD}"
    try:
        cdll = ctypes.CDLL(str(folder / file))
        abi, lanes = int(cdll.sparse_abi_version()), int(cdll.sparse_lanes())
    except (OSError, AttributeError) as error:
        message = str(error).replace(f"{folder}{os.sep}", "")  # anyone can read /health
        return f"{file} cannot be loaded: {message}"
    if abi != ABI:
        return f"{file} has interface {abi}, not {ABI}; {REBUILD}"
    return Library(name, lanes, cdll)
