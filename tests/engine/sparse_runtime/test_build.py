"""The libraries are compiled once for each source, and a failure gives a message."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from optiwidgets.engine.sparse_runtime import build


def inodes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in folder.glob("kernel_*")}


def test_every_instruction_set_of_the_processor_gets_a_library(built: Path) -> None:
    target = build.Target.here()
    assert {path.name for path in built.glob("kernel_*")} == {
        target.file(variant) for variant in target.variants
    }
    assert build.present(built).keys() == inodes(built).keys()
    assert sum(path.stat().st_size for path in built.glob("kernel_*")) < 600_000


def test_it_is_compiled_again_only_when_the_source_changes(built_short: Path) -> None:
    before = inodes(built_short)
    assert "up to date" in build.build(built_short).message
    assert inodes(built_short) == before
    with (built_short / build.SOURCE).open("a") as file:
        file.write("// changed\n")
    assert "built" in build.build(built_short).message
    assert all(inode != before[name] for name, inode in inodes(built_short).items())


@pytest.mark.parametrize("what", ["flags", "compiler", "file"])
def test_other_flags_another_compiler_or_a_damaged_file_compile_it_again(
    built_short: Path, what: str
) -> None:
    stamp = json.loads((built_short / build.STAMP).read_text())
    if what == "file":
        next(built_short.glob("kernel_*")).write_bytes(b"no library")
    else:
        (built_short / build.STAMP).write_text(json.dumps(stamp | {what: "another"}))
    assert "built" in build.build(built_short).message
    assert json.loads((built_short / build.STAMP).read_text()) == stamp


def test_without_a_compiler_it_is_absent_and_said(source: Path, no_compiler: None) -> None:
    outcome = build.build(source)
    assert outcome.libraries == ()
    assert "absent, no C++ compiler works; install one" in outcome.message
    assert [path.name for path in source.iterdir()] == [build.SOURCE]


def test_libraries_of_this_source_stay_without_a_compiler(
    built_short: Path, no_compiler: None
) -> None:
    before = inodes(built_short)
    assert "up to date" in build.build(built_short).message
    assert inodes(built_short) == before
    (built_short / build.SOURCE).write_text("int another;")
    assert build.build(built_short).libraries == ()


def test_a_source_that_does_not_compile_is_a_message(built_short: Path) -> None:
    (built_short / build.SOURCE).write_text("this is no C++")
    outcome = build.build(built_short)
    assert outcome.libraries == ()
    assert "kernel.cpp" in outcome.message


def test_flags_that_a_compiler_does_not_know_leave_out_one_library(
    built_short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variants = {"wider": ("-mno-such-instructions",), "baseline": ("-DLANES=4",)}
    monkeypatch.setattr(build, "X86", variants)
    monkeypatch.setattr(build, "OTHER", variants)
    outcome = build.build(built_short)
    assert [path.name for path in outcome.libraries] == [build.Target.here().file("baseline")]
    assert "without wider" in outcome.message


def test_off_while_installing_compiles_nothing(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(build.SWITCH, "off")
    assert build.build(source).libraries == ()
    assert "OPTIWIDGETS_SPARSE=off" in build.build(source).message


@pytest.mark.parametrize("command", ["/nowhere/c++", '"', "false"])
def test_a_compiler_that_does_not_answer_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.delenv("CXX", raising=False)
    other = build.compiler()
    monkeypatch.setenv("CXX", command)
    assert build.compiler() == other


@pytest.mark.skipif(sys.platform == "win32", reason="writes a script for a shell")
def test_the_compiler_that_cxx_names_comes_first_even_with_blanks_in_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = build.compiler()
    if there is None:
        pytest.skip("no C++ compiler works")
    named = tmp_path / "my compiler"
    named.write_text(f'#!/bin/sh\nexec "{there.command[0]}" "$@"\n')
    named.chmod(named.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("CXX", os.fspath(named))
    found = build.compiler()
    assert found
    assert found.command[0] == os.fspath(named)
    monkeypatch.setenv("CXX", f"{there.command[0]} -DFLAG")
    found = build.compiler()
    assert found
    assert found.command[:2] == (there.command[0], "-DFLAG")


def test_gcc_on_windows_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "g++ 14.2.0\nCopyright (C) 2024 Free Software Foundation, Inc."
    monkeypatch.setattr(build, "_run", lambda command: said)
    assert build._tried(("g++",), build.Target.of("x86_64-windows-gnu")) is None
    assert build._tried(("g++",), build.Target.of("x86_64-linux-gnu"))


@pytest.mark.parametrize("triple", build.TARGETS)
def test_a_target_names_its_files_and_the_oldest_system(triple: str) -> None:
    target = build.Target.of(triple)
    assert target.file("baseline").endswith(build.SUFFIXES[target.system])
    assert target.triple.startswith(triple)
    assert ("avx2" in target.variants) == triple.startswith("x86_64")
    oldest = {"linux-gnu": ".2.17", "macos": ".11.0"}
    ending = next((v for k, v in oldest.items() if triple.endswith(k)), "")
    assert target.triple == triple + ending
    assert target.triple in build.zig(target)  # otherwise zig uses this processor's set


def test_another_target_needs_zig_and_says_so(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build.sys, "executable", "/nowhere/python")
    outcome = build.build(source, target="aarch64-macos", out=source / "out")
    assert outcome.libraries == ()
    assert "absent" in outcome.message


def test_the_command_line_says_how_it_ended(
    source: Path, capsys: pytest.CaptureFixture[str], no_compiler: None
) -> None:
    assert build.main(["build", "--out", str(source / "out")]) == 1
    assert "no C++ compiler works" in capsys.readouterr().err
