"""The best library is loaded; a damaged, foreign or outdated one is not, with the reason."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import sys
from pathlib import Path

import pytest

import optiwidgets as ow
from optiwidgets.engine.sparse_runtime import build, library
from optiwidgets.engine.types.runtime_info import RuntimeInfo

LANES = {"avx512": 16, "avx2": 8, "baseline": 4}


def sign(folder: Path, **changes: object) -> None:
    """Write the stamp that a build would write for the files as they are now."""
    stamp = json.loads((folder / build.STAMP).read_text())
    libraries = {path.name: build.digest(path) for path in folder.glob("kernel_*")}
    (folder / build.STAMP).write_text(json.dumps(stamp | {"libraries": libraries} | changes))


def test_on_linux_the_library_is_there_under_ci() -> None:
    if library.load() is None and not (
        os.environ.get("CI") == "true"
        and sys.platform == "linux"
        and platform.machine() == "x86_64"
    ):
        pytest.skip(library.reason())
    assert library.reason() == ""


def test_the_widest_that_the_processor_runs_is_chosen(built: Path) -> None:
    found, why = library.choose(built)
    assert found
    assert why == ""
    features = library.choose(built, "baseline")[0].cdll.sparse_features()
    best = "avx512" if features & 2 else "avx2" if features & 1 else "baseline"
    assert (found.name, found.lanes) == (best, LANES[best])


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="asks Linux for the features")
def test_the_features_are_those_that_linux_names(built: Path) -> None:
    words = set(Path("/proc/cpuinfo").read_text().split())
    wide = words >= {"avx512f", "avx512vl", "avx512dq", "avx512bw"}
    expected = (words >= {"avx2", "fma"}) + 2 * wide
    assert library.choose(built, "baseline")[0].cdll.sparse_features() == expected


def test_a_choice_is_taken_by_name(built: Path) -> None:
    assert library.choose(built, "baseline")[0].lanes == 4
    assert library.choose(built, "off") == (None, "switched off by OPTIWIDGETS_SPARSE=off")
    with pytest.raises(
        ValueError, match="OPTIWIDGETS_SPARSE='neon' is none of avx512, avx2, baseline, off"
    ):
        library.choose(built, "neon")


def test_a_choice_that_cannot_run_here_names_those_that_can(built: Path) -> None:
    (built / build.Target.here().file("avx2")).unlink(missing_ok=True)
    with pytest.raises(ValueError, match=r"='avx2' cannot run here: .*; choose among .*off"):
        library.choose(built, "avx2")
    assert library.choose(built)[0].name != "avx2"


def test_the_variable_is_read_at_every_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(build.SWITCH, "off")
    assert library.load() is None
    assert "off" in library.reason()
    assert ow.runtime_info().sparse_status == f"absent: {library.reason()}"
    monkeypatch.setenv(build.SWITCH, "sse9")
    with pytest.raises(ValueError, match="sse9"):
        library.load()
    assert "sse9" in ow.runtime_info().sparse_status


def test_nothing_built_is_said_with_the_way_out(source: Path) -> None:
    found, why = library.choose(source)
    assert found is None
    assert "was not built" in why
    assert "python -m optiwidgets.engine.sparse_runtime.build" in why
    with pytest.raises(ValueError, match=r"cannot run here: .*not built.*; choose among off"):
        library.choose(source, "baseline")


@pytest.mark.parametrize("damage", ["cut", "bit", "stamp"])
def test_a_damaged_file_is_never_opened(built: Path, damage: str) -> None:
    file = built / build.Target.here().file("baseline")
    content = file.read_bytes()
    half = len(content) // 2
    if damage == "cut":
        file.write_bytes(content[:half])
    elif damage == "bit":
        file.write_bytes(content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :])
    else:
        (built / build.STAMP).write_text("[]")
    found, why = library.choose(built)
    assert found is None
    assert "is damaged" in why


def test_a_damaged_wider_one_leaves_the_next(built: Path) -> None:
    best = library.choose(built)[0].name
    if best == "baseline":
        pytest.skip("this processor runs the baseline alone")
    library._available.cache_clear()
    file = built / build.Target.here().file(best)
    file.unlink()  # it is loaded: truncation in place would crash this process
    file.write_bytes(b"")
    found, why = library.choose(built)
    assert found
    assert found.name != best
    assert why == ""


def test_another_platforms_file_is_left_alone(built: Path) -> None:
    file = built / build.Target.here().file("baseline")
    file.unlink()
    file.write_bytes(b"MZ" + bytes(4000))
    sign(built)
    found, why = library.choose(built)
    assert found is None
    assert "cannot be loaded" in why
    assert str(built) not in why  # a server shows it to all users


def test_a_library_without_our_functions_is_left_alone(built: Path) -> None:
    (built / build.SOURCE).write_text('extern "C" int another() { return 1; }\n')
    assert build.build(built).libraries
    found, why = library.choose(built)
    assert found is None
    assert "sparse_abi_version" in why


def test_another_interface_is_left_alone(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "ABI", library.ABI + 1)
    found, why = library.choose(built)
    assert found is None
    assert f"has interface {library.ABI - 1}, not {library.ABI}" in why


def test_a_source_that_changed_since_is_said(built: Path) -> None:
    with (built / build.SOURCE).open("a") as file:
        file.write("// changed\n")
    assert "built from another kernel.cpp" in library.choose(built)[1]
    library._available.cache_clear()
    (built / build.SOURCE).unlink()  # as in an installation with libraries only
    assert library.choose(built)[0]


def test_a_library_is_frozen(built: Path) -> None:
    found = library.choose(built)[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.name = "another"


def test_the_report_shows_itself_as_text_and_table() -> None:
    info = ow.runtime_info()
    assert isinstance(info, ow.RuntimeInfo)
    assert str(info).count("\n") == 2
    assert info.sparse_status in str(info)
    assert RuntimeInfo("1", "2", reason="a < b")._repr_html_().count("a &lt; b") == 1


def test_the_versions_are_those_of_the_modules() -> None:
    import onnxruntime
    import torch

    info = ow.runtime_info()
    assert info.onnx_runtime == onnxruntime.__version__
    assert info.torch.split("+")[0] == torch.__version__.split("+")[0]
