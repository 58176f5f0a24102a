"""SCORM packages: a manifest by the schema, a script in each page, the same bytes each time."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
import zipfile
import zlib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from node_answers import answers
from scorm_schema import IMS, package_problems, schema_problems

from optiwidgets import cli
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.grading.checks import Decision, MultipleChoice, Outcome, Prediction, Question
from optiwidgets.grading.progress import Record
from optiwidgets.grading.questions import QUESTIONS
from optiwidgets.publishing.page_references import files_of
from optiwidgets.publishing.scorm import ScormLesson, package
from optiwidgets.publishing.scorm_course import core_lessons
from optiwidgets.publishing.scorm_manifest import Sco, manifest
from optiwidgets.widgets.lesson.core_path import CORE
from optiwidgets.widgets.pages.scorm_lesson import lesson_data, lesson_script

LESSONS = Path(__file__).parents[2] / "lessons"
RECIPE = Recipe(sparsity=0.85, bits=3, pruning="layer", score="lamp", recovery="refit").as_dict()
STRANGE = [
    "</script><script>alert(1)</script>",
    "</title></item>\"'&amp;",
    "\u202eright to left\u200f",
    "=cmd|' /C calc'!A0",
    "x" * 10_000,
    "\x00\x0b\ud800 control",
    "",
    "  \n",
]
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<link rel="stylesheet" href="assets/page.css"><title>A page</title></head>
<body><main><a href="api/index.html">reference</a></main>
<script type="application/json">
{"data": "assets/runs/digits é.json", "x": ["../secret", "\\u0000", 1]}
</script>
<script src="assets/page.js?1"></script></body></html>"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Two pages, what they load, and what they do not."""
    folder = tmp_path / "site"
    for name in ("assets", "assets/runs", "api"):
        (folder / name).mkdir(parents=True)
    for name in ("a.html", "b.html", "other.html", "api/index.html"):
        (folder / name).write_text(PAGE)
    (folder / "assets/page.css").write_text("p {}")
    (folder / "assets/page.js").write_text("1")
    (folder / "assets/runs/digits é.json").write_text("{}")
    (folder / "assets/runs/smear.json").write_text("{}")
    (tmp_path / "secret").write_text("{}")
    return folder


TWO = [
    ScormLesson("b.html", "First", ("pruning.magnitude", "pruning.predict")),
    ScormLesson("a.html", "Second"),
]


def unzipped(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def titles(xml: bytes) -> list[str | None]:
    return [each.text for each in ET.fromstring(xml).iter(f"{{{IMS}}}title")]


def test_a_package_has_its_pages_their_scripts_and_what_they_load(site, tmp_path):
    out = tmp_path / "course.zip"
    assert package(site, TWO, out, title="Course") == out.stat().st_size
    files = unzipped(out)
    assert list(files) == [
        "imsmanifest.xml",
        "a.html",
        "assets/page.css",
        "assets/page.js",
        "assets/runs/digits é.json",
        "b.html",
        "scorm/a.js",
        "scorm/b.js",
    ]
    xml = files["imsmanifest.xml"]
    assert schema_problems(xml) == []
    assert package_problems(quoted(xml), set(files)) == []
    assert titles(xml) == ["Course", "First", "Second"]
    assert (
        b"masteryscore" not in xml
    )  # platforms grade with it as a lesson closes, half done or not


def quoted(xml: bytes) -> bytes:
    return xml.replace(b"digits%20%C3%A9", "digits é".encode())


def test_the_same_pages_give_the_same_bytes(site, tmp_path):
    first, second = tmp_path / "1.zip", tmp_path / "2.zip"
    package(site, TWO, first)
    for path in site.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes())  # a later time
    package(site, TWO, second)
    assert first.read_bytes() == second.read_bytes()


def test_the_script_stands_before_all_others_and_nothing_else_changes(site, tmp_path):
    package(site, TWO, tmp_path / "course.zip")
    html = unzipped(tmp_path / "course.zip")["a.html"].decode()
    tags = '\n<meta charset="utf-8"><script src="./scorm/a.js"></script>'
    assert html.replace(tags, "", 1) == PAGE
    assert html.index("scorm/a.js") < html.index("assets/")


def test_a_page_in_a_folder_finds_its_script(site, tmp_path):
    (site / "lessons").mkdir()
    (site / "lessons" / "c.html").write_text(
        PAGE.replace("assets/", "../assets/"), encoding="utf-8"
    )
    package(site, [ScormLesson("lessons/c.html", "C")], tmp_path / "course.zip")
    files = unzipped(tmp_path / "course.zip")
    assert '<script src="../scorm/c.js">' in files["lessons/c.html"].decode()
    assert '"root": "../"' in files["scorm/c.js"].decode()


@pytest.mark.parametrize("title", STRANGE, ids=ascii)
def test_strange_titles_are_text_in_manifest_and_script(site, tmp_path, title):
    lessons = [ScormLesson("a.html", title)]
    package(site, lessons, tmp_path / "course.zip", title=title)
    files = unzipped(tmp_path / "course.zip")
    xml = files["imsmanifest.xml"]
    assert schema_problems(xml) == []
    shown = " ".join(title.split())[:190].translate({0: "\ufffd", 0xD800: "\ufffd"})
    assert all((found or "").startswith(shown) for found in titles(xml)), titles(xml)
    script = files["scorm/a.js"].decode()
    assert "</script" not in script
    assert json.loads(re.search(r"start\((.*)\);\n}\)", script)[1])["title"] == title


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("1.2</schema", "1.2.1.2.1.2.1.2.1.2.1</schema"), "schemaversion has 21 characters"),
        (('identifier="course"', 'identifier="1"'), "which is no name"),
        (('default="course"', 'default="gone"'), "default is 'gone'"),
        (("item_two", "item_one"), "two elements are 'item_one'"),
        (("<title>C", "<title>" + "x" * 200), "title has 20"),
        (('type="webcontent"', ""), "resource has no type"),
        (('scormtype="sco"', 'scormtype="page"'), "scormtype 'page'"),
        (("<resources>", "<resources>text"), "resources has a text"),
    ],
)
def test_the_rules_of_the_schema_find_a_fault(change, problem):
    xml = manifest("Course", [Sco("one", "C", ("1.html",)), Sco("two", "D", ("2.html",))]).decode()
    assert schema_problems(xml.encode()) == []
    assert change[0] in xml
    changed = xml.replace(*change, 1).encode()
    assert problem in str(schema_problems(changed))


def test_a_file_that_the_manifest_lacks_is_found():
    xml = manifest("Course", [Sco("one", "C", ("1.html",))])
    assert package_problems(xml, {"1.html", "more.js", "imsmanifest.xml"}) == [
        "more.js is not listed"
    ]
    assert package_problems(xml, set()) == ["1.html is absent", "item_one opens nothing"]


def test_a_bad_package_is_refused_with_its_reason(site, tmp_path):
    out = tmp_path / "course.zip"
    cases = [
        ([], out, "lessons of different names"),
        ([TWO[1], TWO[1]], out, "lessons of different names"),
        ([ScormLesson("gone.html", "Gone")], out, r"no page .*gone\.html"),
        ([ScormLesson("a.html", "A", ("no.such",))], out, "a asks 'no.such', which is no question"),
        ([ScormLesson("a b.html", "A")], out, "a lesson's name has letters"),
        (TWO, tmp_path / "course.tar", r"a package is a \.zip file, not .*course\.tar"),
        (TWO, tmp_path / "no" / "course.zip", "no folder .*no"),
    ]
    (site / "a b.html").write_text(PAGE)
    for lessons, target, reason in cases:
        with pytest.raises((ValueError, OSError), match=reason):
            package(site, lessons, target)
    assert not out.exists()


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("<p>no head</p>", "has no <head>"),
        ('<head></head><img src="gone.png">', r"a\.html loads gone\.png, which is absent"),
        ('<head></head><img src="../secret.png">', "which is outside of"),
        ('<head></head><script type="application/json">{</script>', r"a\.html holds JSON"),
    ],
)
def test_a_page_that_cannot_be_packaged_is_named(site, tmp_path, page, reason):
    (site / "a.html").write_text(page)
    (tmp_path / "secret.png").write_text("x")
    with pytest.raises((ValueError, OSError), match=reason):
        package(site, TWO, tmp_path / "course.zip")


@pytest.mark.parametrize("passing", [-1, 100.5, float("nan")])
def test_a_passing_score_outside_of_its_range_is_refused(passing):
    with pytest.raises(ValueError, match="the passing score is from 0 to 100 %"):
        lesson_data("a", "A", [], passing=passing)


def test_more_questions_than_fit_are_refused():
    with pytest.raises(ValueError, match="a has 61 questions; 60 fit"):
        lesson_data("a", "A", [QUESTIONS["pruning.magnitude"]] * 61)


def test_a_lesson_names_texts_of_options_and_reasons_as_the_page_sends_them():
    data = lesson_data("a", "A", [QUESTIONS[key] for key in QUESTIONS][:60])
    for asked in data["questions"]:
        question = QUESTIONS[asked["key"]]
        has_options = isinstance(question, MultipleChoice | Prediction | Decision)
        assert asked["options"] == (list(question.options) if has_options else [])
        assert asked["reasons"] == [*getattr(question, "reasons", ())]


def test_an_edition_changes_with_a_text():
    question = QUESTIONS["pruning.magnitude"]
    one, other = (
        lesson_data("a", "A", [each])["edition"] for each in (question, QUESTIONS["map.ill"])
    )
    assert one != other
    assert lesson_data("b", "B", [question])["edition"] == one


def test_the_core_path_asks_what_its_notebooks_ask():
    lessons = core_lessons(LESSONS)
    assert [lesson.name for lesson in lessons] == list(CORE)
    assert lessons[0].questions == ("metrics.predict", "map.ill", "metrics.imbalance")
    assert all(lesson.questions for lesson in lessons)
    assert all(key in QUESTIONS for lesson in lessons for key in lesson.questions)


def longest_record(question: Question) -> dict[str, Any]:
    """Record of a question with its longest answer."""
    answers: dict[str, Any] = {
        "number": "0.123456789012345 percent",
        "recipe": RECIPE,
        "decision": [getattr(question, "options", ("",))[-1], [*getattr(question, "reasons", ())]],
    }
    choice = max(getattr(question, "options", ("",)), key=len)
    record = asdict(replace(Record.of(question), outcome=Outcome.INCORRECT, attempts=99))
    told = {"hint": True, "solution": True, "answered": "2026-11-30T12:00:00Z", "submissions": []}
    return record | told | {"answer": answers.get(record["kind"], choice)}


def test_the_longest_answers_of_each_lesson_fit_into_what_a_platform_keeps():
    lessons = core_lessons(LESSONS)
    data = [lesson_data(x.name, x.title, [QUESTIONS[key] for key in x.questions]) for x in lessons]
    kept = [{key: longest_record(QUESTIONS[key]) for key in x.questions} for x in lessons]
    module = "pages/scorm_values.js"
    states = answers(module, [["packed", *pair] for pair in zip(data, kept, strict=True)])
    assert max(map(len, states)) <= 4096
    back = answers(module, [["unpacked", *pair] for pair in zip(data, states, strict=True)])
    assert back == json.loads(json.dumps(kept))


def test_files_of_a_page_are_those_it_loads_and_those_its_script_loads(site):
    assert files_of(site, "a.html") == [
        "assets/page.css",
        "assets/page.js",
        "assets/runs/digits é.json",
    ]


def test_files_named_in_the_state_of_widgets_are_found(site, tmp_path):
    state = {"weights": {"smear": "assets/runs/smear.json"}, "blocks": ["x" * 5000]}
    (site / "assets/a.json.z").write_bytes(zlib.compress(json.dumps(state).encode()))
    page = PAGE.replace("assets/runs/digits é.json", "assets/a.json.z")
    (site / "a.html").write_text(page, encoding="utf-8")
    assert "assets/runs/smear.json" in files_of(site, "a.html")
    (site / "assets/a.json.z").write_bytes(b"cut")
    with pytest.raises(ValueError, match=r"a\.json\.z is damaged"):
        files_of(site, "a.html")


def test_the_command_packages_the_core_path_of_a_site(site, tmp_path, capsys):
    for name in CORE:
        (site / f"{name}.html").write_text(PAGE)
    out = tmp_path / "course.zip"
    assert cli.main(["scorm", str(out), "--site", str(site)]) == 0
    assert re.fullmatch(
        r".*course\.zip: 8 lessons, \d+ questions, [\d,]+ bytes\n", capsys.readouterr().out
    )
    files = unzipped(out)
    assert titles(files["imsmanifest.xml"])[1:] == list(CORE.values())
    assert package_problems(quoted(files["imsmanifest.xml"]), set(files)) == []


def test_the_command_says_what_is_missing(site, tmp_path, capsys):
    assert cli.main(["scorm", str(tmp_path / "course.zip"), "--site", str(site)]) == 2
    assert "no page" in capsys.readouterr().err
    for name in CORE:
        (site / f"{name}.html").write_text(PAGE)
    out = tmp_path / "course.zip"
    assert cli.main(["scorm", str(out), "--site", str(site), "--passing", "101"]) == 2
    said = "optiwidgets scorm: the passing score is from 0 to 100 %, not 101\n"
    assert capsys.readouterr().err == said
    assert not out.exists()


def test_a_script_is_one_function_without_imports():
    script = lesson_script(lesson_data("a", "A", []))
    assert not re.search(r"^(import|export)\b", script, re.M)
    assert script.splitlines(keepends=True)[0] == "(() => {\n"
