"""Compilation of ``kernel.cpp`` into shared libraries, one per instruction set of the processor.

This file uses only the standard library: the build hook loads it before the package is installed,
and the Makefile runs it as a script. A failure gives a message and no library.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
SOURCE = "kernel.cpp"
STAMP = "kernel.json"  # written last: hashes of the source, the flags and every library
SWITCH = "OPTIWIDGETS_SPARSE"  # "off" during installation disables compilation
PATIENCE_S = 600  # time limit of a compiler call

COMMON = (
    *("-x", "c++", "-std=c++17", "-O3", "-ffp-contract=fast", "-fno-math-errno"),
    "-fno-tree-slp-vectorize",  # the code has explicit vectors; SLP turns scalar sums into gathers
    *(
        "-fno-exceptions",
        "-fno-rtti",
        "-fno-threadsafe-statics",
        "-fvisibility=hidden",
        "-Wno-psabi",
    ),
)
AVX512 = ("-mavx512f", "-mavx512vl", "-mavx512dq", "-mavx512bw", "-mfma", "-DLANES=16")
X86: dict[str, tuple[str, ...]] = {
    "avx512": AVX512,
    "avx2": ("-mavx2", "-mfma", "-DLANES=8"),
    "baseline": ("-DLANES=4",),
}
OTHER: dict[str, tuple[str, ...]] = {"baseline": ("-DLANES=4",)}
SIMD = ("-msimd128", "-mbulk-memory", "-DLANES=4", "-DBLOCKS_ONLY")
WASM: dict[str, tuple[str, ...]] = {"relaxed": (*SIMD, "-mrelaxed-simd"), "baseline": SIMD}
SUFFIXES = {"linux": ".so", "macos": ".dylib", "windows": ".dll", "freestanding": ".wasm"}
LINKING = {
    "linux": ("-shared", "-Wl,--as-needed", "-Wl,-z,defs", "-s"),
    "macos": ("-shared", "-Wl,-x", "-Wl,-dead_strip"),
    "windows": ("-shared", "-s"),
    "freestanding": (  # a module without imports, with its own memory
        *("-nostdlib", "-s", "-Wl,--no-entry", "-Wl,--export-dynamic", "-Wl,--export=__heap_base"),
        *("-Wl,-z,stack-size=65536",),
    ),
}
NO_C_LIBRARY = ("-nostdlib", "-lcompiler_rt", "-Wl,--no-entry")  # zig needs minutes to compile one
MACOS = "11.0"  # oldest version that a library runs on
GLIBC = "2.17"
WEB = "wasm32-freestanding"  # WebAssembly, for pages; its modules are files of the repository
ZIG = "0.15.1"  # version of ziglang that built them
TARGETS = (
    *("x86_64-linux-gnu", "x86_64-linux-musl", "aarch64-linux-gnu", "aarch64-linux-musl"),
    *("x86_64-macos", "aarch64-macos", "x86_64-windows-gnu", "aarch64-windows-gnu"),
    WEB,
)


class NotBuiltError(Exception):
    """Failure of a build; the message is the reason."""


@dataclass(frozen=True)
class Target:
    """Processor and operating system that libraries are built for."""

    machine: str
    system: str
    abi: str = ""

    @classmethod
    def of(cls, triple: str) -> Target:
        """Parse a target in zig's notation.

        Examples
        --------
        >>> Target.of("aarch64-macos")
        Target(machine='aarch64', system='macos', abi='')
        """
        machine, system, *abi = triple.split("-")
        return cls(machine, system, *abi)

    @classmethod
    def here(cls) -> Target:
        """Return the target of this Python."""
        machine = platform.machine().lower()
        machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
        system = {"win32": "windows", "darwin": "macos"}.get(sys.platform, sys.platform)
        musl = "musl" in str(sysconfig.get_config_var("HOST_GNU_TYPE"))
        abi = {"linux": "musl" if musl else "gnu", "windows": "gnu"}.get(system, "")
        return cls(machine, system, abi)

    @property
    def triple(self) -> str:
        """Target in zig's notation, with the oldest supported release of the system."""
        release = {("linux", "gnu"): f".{GLIBC}", ("macos", ""): f".{MACOS}"}
        named = "-".join(part for part in (self.machine, self.system, self.abi) if part)
        return named + release.get((self.system, self.abi), "")

    @property
    def variants(self) -> dict[str, tuple[str, ...]]:
        """Compiler flags of each library, by its name."""
        return {"x86_64": X86, "wasm32": WASM}.get(self.machine, OTHER)

    @property
    def linking(self) -> tuple[str, ...]:
        """Linker flags of the operating system."""
        return LINKING.get(self.system, LINKING["linux"])

    @property
    def compiling(self) -> tuple[str, ...]:
        """Compiler flags of all variants."""
        return COMMON if self.system in ("windows", "freestanding") else (*COMMON, "-fPIC")

    def file(self, variant: str) -> str:
        """Return the name of a library's file."""
        return f"kernel_{variant}{SUFFIXES.get(self.system, '.so')}"


@dataclass(frozen=True)
class Compiler:
    """Command of a C++ compiler, and the version it prints."""

    command: tuple[str, ...]
    version: str


@dataclass(frozen=True)
class Outcome:
    """Libraries present after a build, and a message for the user."""

    libraries: tuple[Path, ...]
    message: str


def zig(target: Target) -> tuple[str, ...]:
    """Return the command of zig; its target is named, since the default is this processor only."""
    return (sys.executable, "-m", "ziglang", "c++", "-target", target.triple, "-nostdlib++")


def _zig_of(target: Target) -> Compiler:
    command = zig(target)
    return Compiler(command, f"zig {_run((*command[:3], 'version')).strip()}")


def candidates(target: Target) -> Iterator[tuple[str, ...]]:
    """Yield compiler commands to try, the preferred first."""
    macos = ("-arch", platform.machine(), f"-mmacosx-version-min={MACOS}")
    extra = (*macos, "-nostdlib++") if target.system == "macos" else ()
    if named := os.environ.get("CXX", "").strip():
        # a path may contain spaces, and a command may contain flags
        yield (*([named] if shutil.which(named) else named.split()), *extra)
    for name in ("c++", "g++", "clang++", "cc", "gcc", "clang"):
        if path := shutil.which(name):
            yield (path, *extra)
    if find_spec("ziglang"):
        yield zig(target)


def compiler(target: Target | None = None) -> Compiler | None:
    """Return the first compiler that compiles and links a trial library, else None."""
    target = target or Target.here()
    return next((found for c in candidates(target) if (found := _tried(c, target))), None)


def _tried(command: tuple[str, ...], target: Target) -> Compiler | None:
    """Compile a trial library; refuse gcc on Windows, which misaligns AVX values (bug 54412)."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "trial.cpp")
            source.write_text('extern "C" int trial(int x) { return x + LANES; }\n')
            _compile(command, source, Path(folder, "trial.out"), target, "baseline")
        is_zig = "ziglang" in command
        version = _run((*command[:3], "version") if is_zig else (command[0], "--version")).strip()
    except (NotBuiltError, OSError):
        return None
    if target.system == "windows" and "Free Software Foundation" in version:
        return None
    return Compiler(command, f"zig {version}" if is_zig else version.partition("\n")[0])


def _run(command: Sequence[str | Path]) -> str:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE_S,
            check=False,
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise NotBuiltError(str(error)) from error
    if done.returncode:
        raise NotBuiltError((done.stderr or done.stdout).strip()[-2000:])
    return done.stdout


def _compile(command: Sequence[str], source: Path, out: Path, target: Target, variant: str) -> None:
    """Compile and link one library.

    The linker does not get the variant's flags: zig would compile its support library again for
    every set of flags, which takes longer than everything else.
    """
    compiled = out.with_suffix(".o")
    flags = (*target.compiling, *target.variants[variant])
    _run([*command, *flags, "-c", source, "-o", compiled])
    alone = target.system == "windows" and "ziglang" in command
    linking = (*target.linking, *NO_C_LIBRARY) if alone else target.linking
    _run([*command, compiled, *linking, "-o", out])


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, empty if it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def read_stamp(folder: Path) -> dict[str, object]:
    """Read the stamp of the last build; empty if it is missing or damaged."""
    try:
        stamp = json.loads((folder / STAMP).read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) and isinstance(stamp.get("libraries"), dict) else {}


def present(folder: Path) -> dict[str, str]:
    """Return hashes, by file name, of a folder's libraries unchanged since the last build."""
    libraries = read_stamp(folder).get("libraries")
    named = libraries if isinstance(libraries, dict) else {}
    return {name: known for name, known in named.items() if digest(folder / name) == known}


def _is_current(folder: Path, out: Path, target: Target, found: Compiler | None) -> bool:
    """Return whether the libraries were built from this source, these flags and this compiler."""
    stamp = read_stamp(out)
    same = stamp.get("source") == digest(folder / SOURCE) and stamp.get("flags") == _flags(target)
    same = same and (found is None or stamp.get("compiler") == found.version)
    return same and stamp.get("libraries") == present(out) and bool(present(out))


def _flags(target: Target) -> str:
    text = repr((target, target.compiling, target.variants, target.linking, NO_C_LIBRARY))
    return hashlib.sha256(text.encode()).hexdigest()


def build(folder: Path = HERE, *, target: str | None = None, out: Path | None = None) -> Outcome:
    """Compile the libraries, unless they are up to date.

    Parameters
    ----------
    folder
        Folder of ``kernel.cpp``.
    target
        Another system to build for with zig, one of ``TARGETS``; None for this one.
    out
        Folder of the libraries, by default that of the source, or its "wasm" for WebAssembly.

    Returns
    -------
    The libraries now present, none after a failure, and a message.
    """
    out = out or (folder / "wasm" if target == WEB else folder)
    try:
        out.mkdir(parents=True, exist_ok=True)
        return _build(folder, Target.of(target) if target else Target.here(), out, bool(target))
    except (NotBuiltError, OSError) as error:
        return Outcome((), f"sparse runtime: absent, {error}")


def _build(folder: Path, target: Target, out: Path, cross: bool) -> Outcome:
    if os.environ.get(SWITCH) == "off":
        raise NotBuiltError(f"{SWITCH}=off was set during the build")
    found = _zig_of(target) if cross else compiler(target)
    if _is_current(folder, out, target, found):
        os.utime(out / STAMP)
        there = tuple(out / name for name in present(out))
        return Outcome(there, f"sparse runtime: up to date, {_names(there)}")
    if found is None:
        raise NotBuiltError(
            "no C++ compiler works; install one (or `pip install ziglang`), then run "
            "`python -m optiwidgets.engine.sparse_runtime.build`"
        )
    failures = _make(folder, target, out, found)
    there = tuple(out / name for name in present(out))
    built = f"sparse runtime: built {_names(there)} by {found.version}"
    return Outcome(there, "; ".join([built, *failures]))


def _make(folder: Path, target: Target, out: Path, found: Compiler) -> list[str]:
    """Compile all variants in parallel and replace the libraries; return the failures."""
    with tempfile.TemporaryDirectory() as scratch:
        one = partial(_one, found, folder / SOURCE, Path(scratch), target)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            errors = dict(zip(target.variants, pool.map(one, target.variants), strict=True))
        if errors["baseline"]:
            raise NotBuiltError(f"{found.version} failed: {errors['baseline']}")
        made = [target.file(variant) for variant, error in errors.items() if not error]
        for name in made:  # replaced, not overwritten: a process may have the old file mapped
            shutil.copy(Path(scratch, name), out / f"{name}.new")
            os.replace(out / f"{name}.new", out / name)
    for variant in errors.keys() - {v for v, error in errors.items() if not error}:
        (out / target.file(variant)).unlink(missing_ok=True)
    stamp = {
        "source": digest(folder / SOURCE),
        "flags": _flags(target),
        "compiler": found.version,
        "libraries": {name: digest(out / name) for name in made},
    }
    (out / f"{STAMP}.new").write_text(json.dumps(stamp, indent=1) + "\n")
    os.replace(out / f"{STAMP}.new", out / STAMP)
    return [f"without {variant}: {error}" for variant, error in errors.items() if error]


def _one(found: Compiler, source: Path, scratch: Path, target: Target, variant: str) -> str:
    """Compile one library; return the compiler's error message, empty on success."""
    try:
        _compile(found.command, source, scratch / target.file(variant), target, variant)
    except NotBuiltError as error:
        return str(error) or "no reason given"
    return ""


def _names(libraries: Sequence[Path]) -> str:
    return ", ".join(f"{path.name} ({path.stat().st_size:,} bytes)" for path in libraries)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build from the command line; return 1 if no library is present afterwards."""
    parser = argparse.ArgumentParser(description="Compile the sparse runtime.")
    parser.add_argument("command", nargs="?", choices=["build"], default="build")
    parser.add_argument("--target", choices=TARGETS, help="build for another system, by zig")
    parser.add_argument("--out", type=Path, help="folder of the libraries, by default kernel.cpp's")
    options = parser.parse_args(arguments)
    outcome = build(target=options.target, out=options.out)
    sys.stderr.write(f"{outcome.message}\n")
    return 0 if outcome.libraries else 1


if __name__ == "__main__":
    raise SystemExit(main())
