"""Command of a handout: its refusals, its file's name, its progress."""

from __future__ import annotations

import errno
import os
from types import SimpleNamespace

import pytest

from optiwidgets.cli import main
from optiwidgets.engine.execution.progress import Progress as Told
from optiwidgets.publishing.handout import Progress, file_name
from optiwidgets.widgets.explorer.explorer import Explorer


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["digits", "--output", "no/such/folder/x.html"], "no/such/folder is no writable folder"),
        (["digits", "--output", "."], "--output is a file, . is a folder"),
        (["digts"], "case is one of"),
        (["digits", "--model", "huge"], "huge"),
        (["digits", "--images", "pictures"], "images are only for"),
    ],
)
def test_what_cannot_be_made_is_refused_with_the_reason(
    arguments, reason, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert main(["handout", *arguments]) == 2
    assert reason in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist_is_named_before_the_work(digits, tmp_path):
    with pytest.raises(FileNotFoundError, match="gone"):
        Explorer(digits).to_html(tmp_path / "gone" / "page.html")


@pytest.mark.parametrize("write", [Explorer.to_html, Explorer.to_module])
def test_an_interrupted_work_leaves_the_old_file(write, digits, tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    path.write_text("old")

    def stop(self, *arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(Explorer, "page", stop)
    with pytest.raises(KeyboardInterrupt):
        write(Explorer(digits), path)
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"]


def test_an_interrupt_is_told_and_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, capsys):
    path = tmp_path / "page.html"
    path.write_text("old")

    def stop(self, *arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(Explorer, "page", stop)
    assert main(["handout", "digits", "--output", str(path)]) == 130
    assert "kept for the next time" in capsys.readouterr().err
    monkeypatch.setattr(Explorer, "page", lambda self, *arguments: "new")

    def fill(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fill)
    assert main(["handout", "digits", "--output", str(path)]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert (path.read_text(), [one.name for one in tmp_path.iterdir()]) == ("old", ["page.html"])


def test_file_is_named_by_case_and_model_with_safe_letters():
    named = SimpleNamespace(dataset=SimpleNamespace(name="my </script> / cells"), name="a:b")
    assert file_name(named) == "my-script-cells-a-b"
    empty = SimpleNamespace(dataset=SimpleNamespace(name="../.."), name="")
    assert file_name(empty) == "handout"


def test_progress_is_told_once_for_each_percent(capsys):
    show = Progress()
    for done in (0.0, 0.001, 0.5, 0.504):
        show(Told(done, "slider grid"))
    assert capsys.readouterr().err.count("slider grid") == 2
