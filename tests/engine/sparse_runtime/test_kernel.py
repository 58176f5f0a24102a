"""The kernel only accesses its own memory, in random nets that agree with plain loops."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from optiwidgets.engine.sparse_runtime import build, library

NETS = 2000
VARIANTS = build.Target.here().variants
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@pytest.fixture(scope="module")
def sanitizer(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Find a compiler whose sanitizers work on this machine, clang first."""
    folder = tmp_path_factory.mktemp("trial")
    (folder / "trial.cpp").write_text("int main() { return 0; }\n")
    trial = folder / "trial"
    for name in ("clang++", "clang", "g++"):
        command = [name, *SANITIZE, str(folder / "trial.cpp"), "-o", str(trial)]
        if shutil.which(name) and not subprocess.run(command, capture_output=True).returncode:
            return name
    pytest.skip("neither clang nor g++ has -fsanitize=address,undefined here")


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_random_nets_stay_in_their_memory(sanitizer: str, variant: str, tmp_path: Path) -> None:
    found, missing = library._available(build.HERE)
    if variant != "baseline" and variant not in found:
        pytest.skip(f"{variant} cannot run here: {missing[variant]}")
    flags = [f for f in VARIANTS[variant] if not f.startswith("-O")]
    driver = Path(__file__).with_name("driver.cpp")
    common = ("-std=c++17", "-O1", "-g", "-Wno-psabi", *SANITIZE, *flags, "-I", str(build.HERE))
    made = tmp_path / "driver"
    subprocess.run([sanitizer, *common, driver, "-o", made, "-lm", "-lstdc++"], check=True)
    done = subprocess.run([made, str(NETS)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"{NETS} nets")
