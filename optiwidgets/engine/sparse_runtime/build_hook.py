"""Build hook of hatchling: compiles the sparse runtime for wheels and editable installs."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOM = Path("optiwidgets/engine/sparse_runtime")
ZIG_MACHINES = ("x86_64", "aarch64")  # with a wheel of ziglang on Linux, macOS and Windows


class SparseRuntimeHook(BuildHookInterface[Any]):
    """Build hook that adds the libraries to a wheel, which then is for one platform."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Return ziglang as a build dependency if no other compiler works."""
        build = self._build_module()
        target = build.Target.here()
        offered = target.machine in ZIG_MACHINES and target.system in build.SUFFIXES
        off = os.environ.get(build.SWITCH) == "off"
        if self.target_name != "wheel" or off or not offered or build.compiler(target):
            return []
        return ["ziglang"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile the libraries and add them to the wheel; editable installs use them in place."""
        if self.target_name != "wheel":
            return
        build = self._build_module()
        outcome = build.build(Path(self.root) / ROOM)
        self.app.display_info(outcome.message)
        if outcome.libraries and version != "editable":
            stamp = outcome.libraries[0].with_name(build.STAMP)
            inside = (*outcome.libraries, stamp)
            build_data["force_include"] |= {str(path): str(ROOM / path.name) for path in inside}
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{platform_tag(build.MACOS)}"

    def _build_module(self) -> ModuleType:
        """Load ``build.py`` by its path, since the package is not installed yet."""
        path = Path(self.root) / ROOM / "build.py"
        spec = importlib.util.spec_from_file_location("_optiwidgets_sparse_build", path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} cannot be read")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses need the entry
        spec.loader.exec_module(module)
        return module


def platform_tag(macos: str) -> str:
    """Return the wheel's platform tag; on macOS for one processor, also with a universal Python."""
    if sys.platform == "darwin":
        return f"macosx_{macos.replace('.', '_')}_{platform.machine()}"
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")
