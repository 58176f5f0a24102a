"""Files for GitHub, pre-commit and citation tools; targets of the Makefile with several parts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import optiwidgets as ow

ROOT = Path(__file__).parents[1]
SECONDS = re.compile(r" \(\d+ s\)")  # that a part of a target took
WORKFLOWS = ROOT / ".github/workflows"
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
FIELDS = {"textarea", "input", "dropdown", "checkboxes"}  # of an issue form, with an answer
HOOKS = {  # hook -> the command's name that must be in the extra "dev", or a file
    "ruff": "ruff",
    "ruff-format": "ruff",
    "nbstripout": "nbstripout",
    "javascript-types": "tests/javascript/tools.py",
}
STUB = """#!/bin/sh
echo "$(basename "$0") $*" >> calls.txt
test -n "$FAILING" || exit 0
case "$(basename "$0") $*" in *"$FAILING"*) exit ${CODE:-1};; esac
"""


def read(path: str | Path) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def triggers(workflow: dict[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = workflow[True]  # YAML 1.1 reads the key "on" as a boolean
    return found


def steps(job: dict[str, Any]) -> list[str]:
    return [step.get("run") or step["uses"] for step in job["steps"]]


def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return found


# ---- workflows


def test_ci_runs_the_script_on_pushes_and_pull_requests() -> None:
    workflow = read(".github/workflows/ci.yml")
    assert set(triggers(workflow)) == {"push", "pull_request"}
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["cancel-in-progress"] is True
    (job,) = workflow["jobs"].values()
    assert steps(job)[-1] == ".ci/run"
    assert os.access(ROOT / ".ci/run", os.X_OK)
    assert job["timeout-minutes"] == 120
    (python,) = (step["with"] for step in job["steps"] if "setup-python" in step.get("uses", ""))
    assert project()["project"]["requires-python"] == f">={python['python-version']}"
    assert python["cache"] == "pip"
    assert (ROOT / python["cache-dependency-path"]).is_file()


def test_a_tag_builds_wheels_and_the_source_archive() -> None:
    workflow = read(".github/workflows/wheels.yml")
    assert triggers(workflow)["push"] == {"tags": ["v*"]}
    commands = [command for job in workflow["jobs"].values() for command in steps(job)]
    assert any("cibuildwheel --output-dir" in command for command in commands)
    assert any("build --sdist" in command for command in commands)


@pytest.mark.parametrize(("tag", "code"), [(f"v{ow.__version__}", 0), ("v9999", 1), ("v", 1)])
def test_the_tag_must_name_the_version(tag: str, code: int) -> None:
    job = read(".github/workflows/wheels.yml")["jobs"]["source"]
    (step,) = (step for step in job["steps"] if "GITHUB_REF_NAME" in step.get("run", ""))
    env = {**os.environ, "GITHUB_REF_NAME": tag}
    assert subprocess.run(step["run"], shell=True, cwd=ROOT, env=env).returncode == code


@pytest.mark.parametrize("path", sorted(WORKFLOWS.glob("*.yml")), ids=lambda path: path.name)
def test_every_action_has_a_version_and_every_job_a_machine(path: Path) -> None:
    for job in read(path)["jobs"].values():
        assert job["runs-on"]
        actions = [step["uses"] for step in job["steps"] if "uses" in step]
        assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", action) for action in actions)


# ---- issues and pull requests


def faults(form: dict[str, Any]) -> list[str]:
    """Faults for which GitHub would refuse an issue form."""
    missing = [key for key in ("name", "description", "body") if not form.get(key)]
    found = [f"no {key}" for key in missing]
    fields = [field for field in form.get("body", []) if field["type"] in FIELDS]
    found += [] if fields else ["no field"]
    found += [f"{f.get('id')}: no label" for f in fields if not f["attributes"].get("label")]
    found += [f"unknown type {f['type']}" for f in form.get("body", []) if f not in fields]
    ids = [field.get("id") for field in fields]
    return found + ([] if len({*ids}) == len(ids) and all(ids) else ["ids are not unique"])


def test_there_is_a_form_for_each_kind_of_issue() -> None:
    assert [path.stem for path in FORMS] == ["bug", "config", "idea", "wrong_number"]


@pytest.mark.parametrize("name", ["bug", "idea", "wrong_number"])
def test_an_issue_form_is_complete(name: str) -> None:
    form = read(f".github/ISSUE_TEMPLATE/{name}.yml")
    assert faults(form) == []
    assert any(field.get("validations", {}).get("required") for field in form["body"])


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"name": ""}, "no name"),
        ({"body": []}, "no field"),
        ({"body": [{"type": "text", "id": "a", "attributes": {}}]}, "unknown type text"),
        ({"body": [{"type": "input", "id": "a", "attributes": {}}]}, "a: no label"),
        ({"body": [{"type": "input", "attributes": {"label": "x"}}]}, "ids are not unique"),
    ],
)
def test_an_incomplete_form_is_found(change: dict[str, Any], fault: str) -> None:
    assert fault in faults(read(".github/ISSUE_TEMPLATE/bug.yml") | change)


def test_security_problems_are_sent_to_the_address_of_the_security_page() -> None:
    (link,) = read(".github/ISSUE_TEMPLATE/config.yml")["contact_links"]
    assert set(link) == {"name", "url", "about"}
    assert link["url"] in (ROOT / "SECURITY.md").read_text()


def test_the_pull_request_template_names_targets_that_exist() -> None:
    page = (ROOT / ".github/PULL_REQUEST_TEMPLATE.md").read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)`", page))
    assert {"lint", "test"} <= named <= targets
    assert page.count("- [ ]") >= 4


# ---- hooks, citation, version


def test_pre_commit_accepts_the_configuration() -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-config", ".pre-commit-config.yaml"]
    subprocess.run(command, cwd=ROOT, check=True)


def test_hooks_run_what_the_dev_extra_installs() -> None:
    (local,) = read(".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    commands = {hook["id"]: hook["entry"].split() for hook in local["hooks"]}
    assert set(commands) == set(HOOKS)
    assert {hook["language"] for hook in local["hooks"]} == {"system"}
    dev = {re.split(r"[^\w-]", x)[0] for x in project()["project"]["optional-dependencies"]["dev"]}
    assert {"pre-commit", "ruff", "nbstripout"} <= dev
    for name, (program, first, *_) in ((k, [*v, ""]) for k, v in commands.items()):
        assert program.startswith(".venv/bin/")
        tool = program.removeprefix(".venv/bin/")
        assert HOOKS[name] == (first if tool == "python" else tool)


def test_the_citation_has_the_required_keys_and_the_version_of_the_package() -> None:
    citation = read("CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= set(citation)  # CFF 1.2.0 asks for
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software"
    assert citation["authors"] == [{"name": "The OptiWidgets developers"}]
    assert str(citation["version"]) == ow.__version__
    settings = project()["project"]
    assert citation["license"] == settings["license"]
    assert citation["repository-code"] == settings["urls"]["Repository"]


def test_the_repository_is_the_one_of_the_binder_links() -> None:
    urls = project()["project"]["urls"]
    path = urls["Repository"].removeprefix("https://github.com/")
    assert urls["Binder"] == f"https://mybinder.org/v2/gh/{path}/HEAD"
    assert urls["Binder"] in (ROOT / "README.md").read_text()


def test_the_version_is_written_in_one_file() -> None:
    settings = project()
    assert settings["project"]["dynamic"] == ["version"]
    assert "version" not in settings["project"]
    path = settings["tool"]["hatch"]["version"]["path"]
    assert (ROOT / path).read_text().endswith(f'__version__ = "{ow.__version__}"\n')
    sources = (ROOT / "optiwidgets").rglob("*.py")
    written = [p for p in sources if re.search(r"^__version__ =", p.read_text(), re.MULTILINE)]
    assert written == [ROOT / path]


# ---- targets of several parts


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The Makefile and programs that note their calls; one that has `FAILING` ends with `CODE`."""
    runtime = "optiwidgets/engine/sparse_runtime"
    for name in (
        f"{runtime}/kernel.cpp",
        f"{runtime}/build.py",
        "pyproject.toml",
        "lessons/a.ipynb",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    shutil.copy(ROOT / "Makefile", tmp_path)
    programs = tmp_path / ".venv/bin"
    programs.mkdir(parents=True)
    for name in ("python", "ruff", "mypy", "lint-imports", "nbstripout"):
        (programs / name).write_text(STUB)
        (programs / name).chmod(0o755)
    for name in (".venv/dev.stamp", ".venv/app.stamp", f"{runtime}/kernel.json"):  # newest: made
        (tmp_path / name).touch()
    return tmp_path


def make(checkout: Path, *words: str, **env: str) -> tuple[int, str]:
    """Run make: its exit code and its last line."""
    usual = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", *words], cwd=checkout, env=usual | env, capture_output=True, text=True
    )
    last = done.stdout.splitlines()[-1]
    assert len(SECONDS.findall(last)) == last.count(", ") + 1  # of every part
    return done.returncode, SECONDS.sub("", last)


def test_lint_runs_every_check_and_says_how_each_ended(checkout: Path) -> None:
    makefile = (checkout / "Makefile").read_text()
    parts = re.findall(r"call run-all,(lint-[a-z -]+)\)", makefile)[0].split()
    assert {*parts} == set(re.findall(r"^(lint-[a-z-]+):", makefile, re.MULTILINE))
    assert {"lint-style", "lint-format", "lint-types", "lint-imports", "lint-notebooks"} <= {*parts}
    code, ended = make(checkout, "lint")
    assert code == 0
    assert ended == f"make lint: {', '.join(f'{part} passed' for part in parts)}"
    code, ended = make(checkout, "lint", FAILING="mypy")
    assert code != 0
    assert "lint-types FAILED, lint-imports passed" in ended
    calls = (checkout / "calls.txt").read_text().splitlines()
    assert len(calls) % 2 == 0
    assert calls[: len(calls) // 2] == calls[len(calls) // 2 :]


SLOW = ["make test-slow: test-slow-units", "test-slow-browser", "test-slow-hosting"]


@pytest.mark.parametrize(
    ("failing", "code", "options", "ended"),
    [
        ("", "1", "", ["passed", "passed", "passed"]),
        ("worksteal", "1", "", ["FAILED", "passed", "passed"]),
        ("course tests/browser", "1", "", ["passed", "FAILED", "passed"]),
        ("slow tests/hosting", "5", "", ["passed", "passed", "FAILED"]),
        ("slow tests/hosting", "5", "PYTEST_ARGS=-v", ["passed", "passed", "passed"]),
        ("worksteal", "5", "", ["FAILED", "passed", "passed"]),
        ("worksteal", "5", "PYTEST_ARGS=-v", ["passed", "passed", "passed"]),
        ("worksteal", "1", "PYTEST_ARGS=-v", ["FAILED", "passed", "passed"]),
    ],
)
def test_all_parts_of_slow_tests_run_and_none_may_be_empty(
    checkout: Path, failing: str, code: str, options: str, ended: list[str]
) -> None:
    status, line = make(checkout, "test-slow", *options.split(), FAILING=failing, CODE=code)
    assert line == ", ".join(f"{part} {end}" for part, end in zip(SLOW, ended, strict=True))
    assert (status == 0) == ("FAILED" not in ended)
    units, browser, hosting = (checkout / "calls.txt").read_text().splitlines()
    assert "--ignore=tests/hosting --ignore=tests/browser" in units
    assert "-m slow and not course tests/browser" in browser
    assert "-m slow tests/hosting" in hosting
