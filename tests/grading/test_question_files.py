"""Question files: the bank follows the schema, and what does not is named with file and field."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from optiwidgets.cli import main
from optiwidgets.engine.types.runtime_info import RUNTIMES
from optiwidgets.grading.checks import FindRecipe, Question
from optiwidgets.grading.question_checker import SCHEMA, check_questions
from optiwidgets.grading.question_files import MAKERS, POLICIES, parse, read_question_file
from optiwidgets.grading.questions import FOLDER, QUESTIONS, file_in
from optiwidgets.grading.run_figures import RUN_FIGURES

FILES = sorted(FOLDER.glob("*.yaml"))
LESSONS = Path(__file__).parents[2] / "lessons"
DEFINITIONS = json.loads(SCHEMA.read_text())["$defs"]
MINE = """\
schema: questions/1
title: My lesson
questions:
  - key: my.half
    kind: number
    title: A half
    prompt: Half of 1?
    value: 1/2
    tolerance: 0.01
    share: true
    slips:
      - {value: 6, reply: That is twice as much.}
    hint: Divide by 2.
    solution: 1 / 2 = 0.5.
  - key: my.rain
    kind: decision
    title: Umbrella
    prompt: Take an umbrella?
    options:
      - {text: yes, reply: Take it., right: true}
      - {text: no, reply: You get wet.}
    reasons:
      - {text: it rains, reply: Rain wets., right: true}
      - {text: it is Monday, reply: Mondays can be dry.}
    hint: Look up.
    solution: Yes.
  - key: my.find
    kind: recipe
    title: Half the size
    prompt: Halve the file.
    constraints: {min_size_cut: 0.5, max_drop: 2}
    hint: Fewer bits.
    solution: 8 bits.
texts:
  - {key: my.told, text: "At {sparsity}."}
"""


def findings(folder, text):
    """Findings of a file with this text, without the path of the folder."""
    path = folder / "my.yaml"
    path.write_text(text, encoding="utf-8")
    return [str(found).replace(f"{folder}/", "") for found in check_questions(path)]


def test_the_bank_has_no_findings():
    assert len(FILES) == 17
    assert check_questions(*FILES) == []


def test_the_schema_itself_follows_its_own_dialect():
    Draft202012Validator.check_schema(json.loads(SCHEMA.read_text()))


def test_the_schema_lists_what_the_code_knows():
    assert DEFINITIONS["value"]["anyOf"][2]["enum"] == list(RUN_FIGURES)
    assert all(name in DEFINITIONS["value"]["description"] for name in RUN_FIGURES)
    assert DEFINITIONS["question"]["properties"]["kind"]["enum"] == list(MAKERS)
    constraints = DEFINITIONS["recipe"]["properties"]["constraints"]["properties"]
    own = {f.name for f in fields(FindRecipe)} - {f.name for f in fields(Question)}
    assert set(constraints) == own
    assert constraints["policy"]["enum"] == list(POLICIES)
    assert constraints["runtime"]["enum"] == list(RUNTIMES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_named_by_its_keys_and_names_a_lesson_with_its_title(path):
    file = read_question_file(path)
    keys = [*(question.key for question in file.questions), *file.texts]
    assert {key.partition(".")[0] for key in keys} == {path.stem}
    cells = json.loads((LESSONS / f"{file.lesson}.ipynb").read_text())["cells"]
    pages = "".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    assert re.search("^# (.*)", pages, re.MULTILINE)[1] == file.title


def test_titles_name_questions_one_by_one():
    titles = [question.title for question in QUESTIONS.values()]
    assert all(3 < len(title) <= 45 and "<" not in title for title in titles)
    assert len(set(titles)) == len(titles)


def test_the_bank_reads_the_file_of_the_key_alone():
    file_in.cache_clear()
    assert QUESTIONS["start.goal"].right == 2
    assert file_in.cache_info().currsize == 1
    for absent in ("start.end", "nothing.there", "start", "", "../start.goal"):
        assert absent not in QUESTIONS
        with pytest.raises(KeyError):
            QUESTIONS[absent]
    assert len(QUESTIONS) == len(set(QUESTIONS)) > 70
    assert next(iter(QUESTIONS)).startswith("start.")
    assert [*QUESTIONS][-1].startswith("selfcheck.")


def test_a_file_of_ones_own_is_read_and_graded(tmp_path):
    assert findings(tmp_path, MINE) == []
    file = read_question_file(tmp_path / "my.yaml")
    half, rain, find = file.questions
    assert str(half.check("0.5").outcome) == "correct"
    assert half.check("6").message == "That is twice as much."
    assert rain.options == ("yes", "no")
    assert str(rain.check(("yes", ["it rains"])).outcome) == "correct"
    assert str(rain.check(("yes", ["it is Monday"])).outcome) == "incorrect"
    assert (find.min_size_cut, find.max_drop) == (0.5, 2)
    assert dict(file.texts) == {"my.told": "At {sparsity}."}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("tolerance: 0.01", "tolerance: -1",
         "my.yaml:9: my.half: tolerance: -1 is not allowed; allowed: a number, 0 or more"),
        ("tolerance: 0.01", "tolerance: true",
         "my.half: tolerance: true is not allowed; allowed: a number, 0 or more"),
        ("value: 1/2", "value: 3/0", 'my.half: value: "3/0" is not allowed; allowed: a number, a'),
        ("value: 1/2", "value: dropp", "figure of the learner's own run: percent_saved, percent"),
        ("value: 6", "value: .inf", "my.half: slips 1.value: inf is not allowed; allowed: a fin"),
        ("value: 6", "value: 0.505", "my.half: slips 1.value: 0.505 is graded as right; allowed:"),
        ("kind: number", "kind: numbers", 'my.half: kind: "numbers" is not allowed; allowed: choi'),
        ("    hint: Divide by 2.\n", "", "my.half: hint: it is missing; allowed: a text of 1 to"),
        ("    share: true", "    shares: true",
         "shares: there is no such field; did you mean share?; allowed: kind, key"),
        ("text: no,", "text: 7,", "my.rain: options 2.text: 7 is not allowed; allowed: a text of"),
        (", right: true}\n      - {text: no", "}\n      - {text: no",
         "my.rain: options: 0 of 2 have right: true; allowed: a list of 2 to 8 options, exactly"),
        ("You get wet.}", "You get wet., right: true}",
         "my.yaml:19: my.rain: options: 2 of 2 have right: true"),
        ("text: it is Monday", "text: it rains", 'my.rain: reasons 2: "it rains" is repeated'),
        ("key: my.rain", "key: my.half", 'my.half: key: "my.half" is a key in my.yaml already'),
        ("key: my.rain", "key: Rain", 'Rain: key: "Rain" is not allowed; allowed: two words in'),
        ("min_size_cut: 0.5", "min_size_cut: 50",
         "my.find: constraints.min_size_cut: 50 is not allowed; allowed: a share of the bytes"),
        ("max_drop: 2", "grades: [good]", "my.find: constraints: 'policy' is needed with 'grades'"),
        ("Half of 1?", "<b onclick=x()>1</b>?",
         'my.half: prompt: "<b onclick=x()>" is not allowed; allowed: p, em, b, code'),
        ("Half of 1?", "<img src=x onerror=x()", 'prompt: "<img src=x onerror=x()" is not allowed'),
        ("Half of 1?", "<b>1?</b></div>", 'my.half: prompt: "</div>" is not allowed; allowed: p'),
        ("Half of 1?", "1?<!-- no", 'my.half: prompt: "<!-- no" is not allowed; allowed: p, em'),
        ("Half of 1?", "1?<!-- n -->", 'my.half: prompt: "<!-- n -->" is not allowed; allowed: p'),
        ("value: 1/2", f"value: {'9' * 400}", "my.half: value: inf is not allowed; allowed"),
        ("value: 1/2", f"value: {'9' * 400}/3", "a text of 402 characters is not allowed; a"),
        ("value: 6", f"value: {'9' * 400}/3", "slips 1.value: a text of 402 characters is not"),
        ("tolerance: 0.01", "tolerance: .nan", "my.half: tolerance: nan is not allowed; allowed:"),
        ("value: 1/2", "value: 010", 'my.half: value: "010" is not allowed; allowed: a number, a'),
        ("key: my.half", f"key: my.{'h' * 78}", "key: a text of 81 characters is not allowed; a"),
        ("key: my.half", 'key: "my.half\\n"', "two words in small letters with a dot, like"),
        ("{sparsity}", "{sparsty}",
         'my.told: text: "sparsty" is no figure; allowed: recipe, sparsity'),
        ("{sparsity}", "{sparsity", "my.told: text: its braces cannot be read: expected '}'"),
        ("{sparsity}", "<script>", 'my.told: text: "<script>" is not allowed; allowed: p, em, b'),
        ("key: my.told", "key: my.find", 'my.find: key: "my.find" is a key in my.yaml already'),
        ("    title: A half", "    title: A half\n    title: B",
         "my.yaml:7: this is no YAML: the field 'title' is repeated"),
        ("Half of 1?", "Half: of 3?", "my.yaml:7: this is no YAML: mapping values are not allowed"),
        ("schema: questions/1", "schema: questions/2",
         'my.yaml:1: schema: "questions/2" is not allowed; allowed: questions/1'),
        (MINE, "", "my.yaml:1: nothing is not allowed; allowed: a mapping with schema, lesson"),
        (MINE, "- 1", "my.yaml:1: a list of 1 is not allowed; allowed: a mapping with schema"),
        (MINE, "schema: questions/1\ntitle: x", "my.yaml:1: questions: it is missing; allowed:"),
        (MINE, "schema: questions/1\ntitle: x\nquestions: 5",
         "my.yaml:3: questions: 5 is not allowed; allowed: a list of questions"),
        (MINE, "schema: questions/1\ntitle: x\nquestions: [5]",
         "my.yaml:3: questions 1: 5 is not allowed; allowed: a mapping with key, kind"),
    ],
)  # fmt: skip
def test_a_finding_names_file_question_field_value_and_allowed_values(tmp_path, old, new, message):
    assert old in MINE
    (found,) = findings(tmp_path, MINE.replace(old, new, 1))
    assert message in found


def test_all_findings_of_a_file_are_listed_at_once(tmp_path):
    text = MINE.replace("tolerance: 0.01", "tolerance: -1").replace("max_drop: 2", "max_drop: x")
    found = findings(tmp_path, text)
    assert [line.split(": ")[1] for line in found] == ["my.half", "my.find"]


def test_files_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "latin.yaml").write_bytes("title: caf\xe9".encode("latin-1"))
    absent, latin = check_questions(tmp_path / "absent.yaml", tmp_path / "latin.yaml")
    assert str(absent).endswith("absent.yaml:1: the file cannot be read: No such file or directory")
    assert str(latin).endswith("latin.yaml:1: the file cannot be read: it is not UTF-8")
    (tmp_path / "latin.yaml").write_bytes("a: 1\n\nb: caf\xe9".encode("latin-1"))
    assert [each.line for each in check_questions(tmp_path / "latin.yaml")] == [3]
    (found,) = findings(tmp_path, "a: 1\n\nb: x\0y")
    assert found == "my.yaml:3: this is no YAML: control characters are not allowed"


def test_one_key_in_two_files_is_found(tmp_path):
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(MINE)
    found = check_questions(tmp_path / "a.yaml", tmp_path / "b.yaml")
    assert [each.field for each in found] == ["key"] * 4
    assert all(each.file.endswith("b.yaml") and "a.yaml already" in each.problem for each in found)


def test_words_of_yaml_1_1_stay_texts():
    assert parse("[yes, no, on, off, 2026-01-02, true]").data == [
        *("yes", "no", "on", "off", "2026-01-02"),
        True,
    ]
    with pytest.raises(yaml.YAMLError):
        parse("!!python/object:os.system {}")


def test_numbers_are_those_of_json_and_never_of_another_base():
    """YAML 1.1 reads 010 as 8 and 1:30 as 90: the right answer would be another number."""
    assert parse("[10, -2, 0.5, 1e5, 2.5E-3, .5, 7., .inf]").data == [
        *(10, -2, 0.5, 1e5, 2.5e-3, 0.5, 7.0),
        float("inf"),
    ]
    others = ["010", "0x10", "0b11", "1:30", "1:30.5", "1_000", "+ 3"]
    assert parse(f"[{', '.join(others)}]").data == others


def test_the_command_line_lists_findings_and_counts_them(tmp_path, capsys):
    path = tmp_path / "my.yaml"
    path.write_text(MINE)
    assert main(["questions", "check", str(path)]) == 0
    assert capsys.readouterr().out == "no findings\n"
    path.write_text(MINE.replace("tolerance: 0.01", "tolerance: -1"))
    assert main(["questions", "check", str(path)]) == 2
    said = capsys.readouterr()
    assert said.out == (
        f"{path}:9: my.half: tolerance: -1 is not allowed; allowed: a number, 0 or more\n"
    )
    assert said.err == "optiwidgets questions: findings: 1\n"
