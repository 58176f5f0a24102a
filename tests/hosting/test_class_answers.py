"""Answers of a class on a real server: kept, given back, shown to the teacher alone."""

import asyncio
import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from class_members import Seat, entered, seats
from classes import Browser, serving

TOKEN, PASSWORD = "the teacher", "the student"
WRONG = {"outcome": "incorrect", "attempts": 1, "answer": "2", "hint": False, "solution": False}
RIGHT = WRONG | {"outcome": "correct", "attempts": 2, "answer": "0.9", "hint": True}
KEY, LESSON = "confusion.precision_before", "20_confusion_matrix"
HOSTILE = "=1+1</script><img src=x onerror=a()>\u202e\"'"
PAGES = (
    *("/class/results", "/class/results/questions.csv", "/class/results/students.csv"),
    *("/class/results/results.json", f"/class/sheet?lesson={LESSON}&key=1"),
)


@pytest.fixture(scope="module")
def lessons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lessons")
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    for name in ("explorer", LESSON):
        notebook = nbformat.v4.new_notebook(cells=[], metadata=metadata)
        nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder


@pytest.fixture(scope="module")
def serve(lessons: Path) -> Callable[..., Any]:
    def serve(*options: str) -> Any:
        return serving(lessons, *options, OPTIWIDGETS_TOKEN=TOKEN, OPTIWIDGETS_PASSWORD=PASSWORD)

    return serve


@pytest.fixture(scope="module")
def port(serve: Callable[..., Any]) -> Iterator[int]:
    with serve() as (port, _):
        yield port


@pytest.fixture(scope="module")
def teacher(port: int) -> Browser:
    return entered(port, TOKEN)


@pytest.fixture
def student(port: int) -> Browser:
    return entered(port, PASSWORD)


def message(work: object, turn: int = 0, **other: object) -> dict[str, Any]:
    return {"type": "answer", "turn": turn, "lesson": LESSON, "question": KEY, "work": work} | other


REFUSED = (
    message(None),
    message([]),
    message(RIGHT | {"outcome": "splendid"}),
    message(RIGHT | {"attempts": -1}),
    message(RIGHT | {"attempts": True}),
    message(RIGHT | {"attempts": 10**30}),
    message(RIGHT | {"hint": 1}),
    message(RIGHT | {"more": 1}),
    message(RIGHT | {"answer": "x" * 5000}),
    message(RIGHT | {"answer": "\ud800"}),
    message(RIGHT | {"answer": float("inf")}),
    message(RIGHT, question=7),
    message(RIGHT, question=""),
    message(RIGHT, question="x" * 101),
    message(RIGHT, question="\ud800"),
    message(RIGHT, question="a\x00b"),
    message(RIGHT, lesson="../etc/passwd"),
    message(RIGHT, lesson=None),
    message(RIGHT, turn=-1),
    message(RIGHT, turn="first"),
    {"type": "visit", "lesson": "a/b"},
    {"type": "name", "name": "not asked for"},
    {"type": "names", "on": True},
)


async def told(seat: Seat, kind: str) -> dict[str, Any]:
    return await seat.until(lambda message: message["type"] == kind)


async def give(seat: Seat, *messages: dict[str, Any]) -> list[dict[str, Any]]:
    """Send messages one after the other; return the server's answers."""
    answers = []
    for each in messages:
        await seat.send(**each)
        answers.append(await seat.until(lambda m: m["type"] in ("noted", "refused")))
    return answers


def results(teacher: Browser) -> dict[str, Any]:
    status, text = teacher.ask("/class/results/results.json")
    assert status == 200
    return json.loads(text)


def of_key(found: dict[str, Any], key: str = KEY) -> dict[str, Any]:
    return next(each for each in found["questions"] if each["key"] == key)


def test_an_answer_is_kept_given_back_and_counted(teacher: Browser, student: Browser) -> None:
    async def answer() -> None:
        async with seats() as take:
            page = await take(student)
            assert (await told(page, "student"))["works"] == {}
            await page.send(type="visit", lesson=LESSON)
            noted = await give(page, message(WRONG, 0), message(RIGHT, 1), message(RIGHT, 2))
            assert noted == [{"type": "noted", "turn": turn} for turn in range(3)]
            later = await told(await take(student), "student")
            assert later["works"] == {KEY: RIGHT}
            assert later["last"] == LESSON

    asyncio.run(answer())
    found = of_key(results(teacher))
    counts = {name: found[name] for name in ("answered", "right", "hints", "solutions")}
    assert counts == {"answered": 1, "right": 1, "hints": 1, "solutions": 0}
    assert found["first_wrong"] == [["2", 1]]
    status, page = teacher.ask("/class/results")
    assert status == 200
    assert "Precision" in page
    assert "2 (1)" in page


def test_answers_of_the_teacher_are_not_counted(teacher: Browser) -> None:
    async def answer() -> None:
        async with seats() as take:
            page = await take(teacher)
            await give(page, message(RIGHT, 0, question="own.teacher"))

    asyncio.run(answer())
    assert "own.teacher" not in json.dumps(results(teacher))


def test_results_and_sheets_are_the_teachers_alone(
    port: int, student: Browser, teacher: Browser
) -> None:
    visitor = Browser(port)
    for address in PAGES:
        asked = [browser.ask(address)[0] for browser in (student, visitor, teacher)]
        assert asked == [403, 302, 200], address


def test_other_messages_of_a_student_are_refused_in_words(student: Browser) -> None:
    async def forge(*messages: dict[str, Any]) -> None:
        async with seats() as take:
            page = await take(student)
            for sent, answer in zip(messages, await give(page, *messages), strict=True):
                assert answer.get("refused") or answer.get("reason"), sent
            assert (await give(page, message(RIGHT, 9))) == [{"type": "noted", "turn": 9}]

    for first in range(0, len(REFUSED), 10):  # a page may send 20 messages at once
        asyncio.run(forge(*REFUSED[first : first + 10]))


def test_names_are_asked_for_only_if_the_teacher_says_so(
    teacher: Browser, student: Browser
) -> None:
    async def name() -> None:
        async with seats() as take:
            desk, page = await take(teacher, "teacher"), await take(student)
            assert (await told(page, "student"))["due"] is False
            await give(page, message(RIGHT))
            await desk.send(type="names", on=True)
            assert (await told(page, "named"))["due"] is True
            (refused,) = await give(page, {"type": "name", "name": "x" * 10_000})
            assert "too" in refused["reason"] or "at most" in refused["reason"]
            await page.send(type="name", name=HOSTILE)
            assert await told(page, "named") == {"type": "named", "name": HOSTILE, "due": False}
            assert HOSTILE in [each["name"] for each in results(teacher)["students"]]
            html = teacher.ask("/class/results")[1]
            assert "<img" not in html
            assert "&lt;/script&gt;&lt;img src=x onerror=a()&gt;" in html
            rows = csv.reader(io.StringIO(teacher.ask("/class/results/students.csv")[1]))
            assert f"'{HOSTILE}" in [cell for row in rows for cell in row]
            await desk.send(type="names", on=False)
            await told(page, "named")
            assert HOSTILE not in json.dumps(results(teacher), ensure_ascii=False)

    asyncio.run(name())


def test_hostile_answers_and_keys_are_text(teacher: Browser, student: Browser) -> None:
    key = "own.=1+1<script>"

    async def answer() -> None:
        async with seats() as take:
            page = await take(student)
            await give(page, message(WRONG | {"answer": HOSTILE}, question=key))

    asyncio.run(answer())
    html = teacher.ask("/class/results")[1]
    assert "<script>" not in html.partition("<div id=")[2]
    assert "own.=1+1&lt;script&gt;" in html
    text = teacher.ask("/class/results/questions.csv")[1]
    row = next(row for row in csv.reader(io.StringIO(text)) if key in row)
    assert row[4] == f"'{HOSTILE} (1)"
    assert of_key(results(teacher), key)["first_wrong"] == [[HOSTILE, 1]]


@pytest.mark.slow
def test_a_killed_server_keeps_what_it_acknowledged(
    serve: Callable[..., Any], tmp_path: Path
) -> None:
    state = str(tmp_path / "class")
    first: dict[str, Browser] = {}

    async def answer(port: int) -> None:
        async with seats() as take:
            first["student"] = entered(port, PASSWORD)
            page = await take(first["student"])
            await give(page, message(WRONG, 0), message(RIGHT, 1))

    with serve("--state", state) as (port, process):
        asyncio.run(answer(port))
        process.kill()
    again = first["student"]
    with serve("--state", state, "--port", str(again.port)) as (port, _):  # cookies name the port

        async def back() -> None:
            async with seats() as take:
                assert (await told(await take(again), "student"))["works"] == {KEY: RIGHT}

        asyncio.run(back())
        teacher = entered(port, TOKEN)
        assert of_key(results(teacher))["first_wrong"] == [["2", 1]]


def test_a_code_leads_to_its_lesson_in_any_case_and_others_are_explained(
    teacher: Browser, student: Browser, port: int
) -> None:
    page = teacher.ask("/class")[1]
    code = re.search(rf"{LESSON}</th><td><code>(\w+)</code>", page)[1]
    for typed in (code, code.lower()):
        assert student.ask(f"/{typed}")[0] == 302
        assert student.headers["Location"] == f"/voila/render/{LESSON}.ipynb"
    status, text = student.ask("/none")
    assert (status, "No lesson has the code NONE" in text) == (404, True)
    visitor = Browser(port)
    assert visitor.ask(f"/{code}")[0] == 302
    assert visitor.headers["Location"].startswith("/login?next=")


def test_the_projector_shows_the_key_of_a_lesson(teacher: Browser, student: Browser) -> None:
    address = f"/class/show?lesson={LESSON}"
    assert student.ask(address)[0] == 403
    status, page = teacher.ask(address)
    assert status == 200
    assert "<svg" in page
    assert re.search(r"<p>127\.0\.0\.1:\d+/[A-Z]{4}</p>", page)
    assert "Students cannot follow this address" in page
    elsewhere = teacher.ask(address, Host="school.example:8866")[1]
    assert "Students cannot follow" not in elsewhere
    assert teacher.ask("/class/show?lesson=none")[0] == 404
