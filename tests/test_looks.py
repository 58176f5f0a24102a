"""`make looks`: pictures of every state at every width, and the exit code of violations."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import looks
import pytest

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.widgets.explorer.share_link import read as read_link

LESSONS = Path(__file__).parents[1] / "lessons"
Run = Callable[..., tuple[int, Path]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the tool with a browser and a server that only note what was asked of them."""

    def start(*argv: str, violations: tuple[str, ...] = ()) -> tuple[int, Path]:
        def take(browser: Any, base: str, state: looks.State, theme: str, job: looks.Job) -> Any:
            return (looks.Picture(state.name, theme, w, violations) for w in job.widths)

        @contextmanager
        def playing() -> Any:
            browser = SimpleNamespace(close=lambda: None)
            yield SimpleNamespace(chromium=SimpleNamespace(launch=lambda **_: browser))

        monkeypatch.setattr(looks, "take", take)
        monkeypatch.setattr(looks, "sync_playwright", playing)
        monkeypatch.setattr(looks.shutil, "which", lambda name: name)
        folder = tmp_path / "pictures"
        return looks.main([*argv, "--url", "http://127.0.0.1:1/", "--output", str(folder)]), folder

    return start


def test_eleven_states_have_names_of_their_own_and_a_lesson() -> None:
    assert len({state.name for state in looks.STATES}) == len(looks.STATES) == 11
    for state in looks.STATES:
        assert (LESSONS / state.notebook.partition("?")[0]).is_file(), state.name


def test_the_preview_is_of_a_recipe_that_no_slider_waits_for() -> None:
    preview = next(state for state in looks.STATES if state.name == "preview")
    asked = read_link(preview.notebook.partition("?")[2])
    experiment = Experiment.load("digits", model=asked["model"])
    held = replace(asked["recipe"], sparsity=looks.FIRST_STOP)
    assert not experiment.is_quick(held)
    assert not experiment.remembers(replace(held, recovery="none"))


def test_all_states_are_taken_at_seven_widths_in_two_themes(run: Run) -> None:
    code, folder = run()
    sheet = (folder / "index.html").read_text()
    assert code == 0
    assert sheet.count("<img ") == 11 * 7 * 2
    for width in (320, 390, 768, 1024, 1366, 1920, 2560):
        assert f'src="projector-dark-{width}.png"' in sheet


def test_a_violation_is_printed_shown_and_an_error(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "label (critical, 1 elements): <input>"
    code, folder = run("--states", "draw", "--widths", "390", violations=(said,))
    assert code == 1
    assert said in capsys.readouterr().out
    assert "label (critical, 1 elements): &lt;input&gt;" in (folder / "index.html").read_text()


def test_only_serious_and_critical_rules_count() -> None:
    rules = [
        {"id": impact, "impact": impact, "nodes": [{"html": "<p>"}]}
        for impact in ("minor", "moderate", "serious", "critical")
    ]
    found = looks.grave({"violations": rules})
    assert [violation.split()[0] for violation in found] == ["serious", "critical"]


@pytest.mark.parametrize("option", ["--states", "--widths", "--themes"])
def test_an_unknown_value_is_refused_with_the_known_ones(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        looks.read([option, "17"])
    assert f"{option} are " in capsys.readouterr().err


def test_without_a_browser_nothing_is_served(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(looks.shutil, "which", lambda name: None)
    assert looks.main(["--output", str(tmp_path / "none")]) == 2
    assert "no browser" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_server_is_ended_when_it_says_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    popen = looks.subprocess.Popen

    def silent(command: list[str], **options: Any) -> Any:
        started.append(popen([sys.executable, "-c", "print('port taken')"], **options))
        return started[0]

    monkeypatch.setattr(looks.subprocess, "Popen", silent)
    with pytest.raises(RuntimeError, match="port taken"), looks.serving(LESSONS):
        pass
    assert started[0].poll() is not None
