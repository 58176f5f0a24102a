"""Votes of a class over its websockets, on a real server: who may open, answer and see them."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from class_members import Seat, Take, entered, seats
from classes import Browser, serving
from tornado.httpclient import HTTPClientError

TOKEN, PASSWORD = "the teacher", "the student"
FORM = {"kind": "choice", "title": "Would you ship it?", "options": ["yes", "no"], "truth": 1}


@pytest.fixture(scope="module")
def lessons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lessons")
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=[], metadata=metadata)
    nbformat.write(notebook, folder / "explorer.ipynb")
    return folder


@pytest.fixture(scope="module")
def port(lessons: Path) -> Iterator[int]:
    with serving(lessons, OPTIWIDGETS_TOKEN=TOKEN, OPTIWIDGETS_PASSWORD=PASSWORD) as (port, _):
        yield port


@pytest.fixture(scope="module")
def teacher(port: int) -> Browser:
    return entered(port, TOKEN)


@pytest.fixture(scope="module")
def student(port: int) -> Browser:
    return entered(port, PASSWORD)


async def opened(take: Take, teacher: Browser, form: object = FORM) -> tuple[Seat, dict[str, Any]]:
    """Open a vote; return the teacher's page and the vote."""
    desk = await take(teacher, "teacher")
    before = await desk.until(lambda message: message["type"] == "vote")
    await desk.send(type="open", form=form)
    old = (before["vote"] or {}).get("id")

    def is_new(message: dict[str, Any]) -> bool:
        return message["type"] == "vote" and (message["vote"] or {}).get("id", old) != old

    return desk, (await desk.until(is_new))["vote"]


def test_a_vote_is_answered_changed_counted_and_held_again(
    teacher: Browser, student: Browser
) -> None:
    async def hold() -> None:
        async with seats() as take:
            page, wall = await take(student), await take(teacher, "show")
            desk, vote = await opened(take, teacher)
            assert "truth" not in vote
            shown = await page.until(lambda message: message.get("vote") == vote)
            assert shown["own"] is None
            assert (await page.answer(vote, 0))["own"] == 0
            await wall.until(lambda message: message.get("rounds") == [[1, 0]])
            assert (await page.answer(vote, 1))["own"] == 1
            await wall.until(
                lambda message: (message.get("rounds"), message.get("here")) == ([[0, 1]], 1)
            )
            again = await take(student)  # the page is loaded anew
            assert (await again.vote())["own"] == 1
            await desk.send(type="close")
            await page.vote("closed")
            assert (await page.answer(vote, 0))["reason"] == "this vote is not open"
            await desk.send(type="again")
            second = await page.vote("open", 2)
            assert second["own"] is None
            assert (await page.answer(second["vote"], 0))["own"] == 0
            await wall.until(lambda message: message.get("rounds") == [[0, 1], [1, 0]])
            await desk.send(type="reveal")
            assert (await page.vote("closed", 2))["vote"]["truth"] == 1
            await desk.send(type="end")
            await page.until(lambda message: message["type"] == "vote" and not message["vote"])

    asyncio.run(hold())


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("no JSON", "a message is JSON"),
        ("[" * 5000, "a message is JSON"),
        ("[]", "a message is a JSON object"),
        ("x" * 10_000, "a message is a text of at most 8,192 characters"),
        ({"type": "open", "form": FORM}, "this page may not send such a message"),
        ({"type": ["close"]}, "this page may not send such a message"),
        ({"type": "ballot", "vote": 10**30, "round": 1, "position": 0}, "this vote is not open"),
        ({"position": -1}, "an answer is a position from 0 to 1"),
        ({"position": 2}, "an answer is a position from 0 to 1"),
        ({"position": True}, "an answer is a position from 0 to 1"),
        ({"position": 0.0}, "an answer is a position from 0 to 1"),
        ({"position": [1]}, "an answer is a position from 0 to 1"),
        ({"round": 2, "position": 1}, "this vote is not open"),
    ],
)
def test_messages_of_other_shapes_are_refused_and_the_next_is_counted(
    teacher: Browser, student: Browser, message: Any, reason: str
) -> None:
    async def hold() -> None:
        async with seats() as take:
            _, vote = await opened(take, teacher)
            page = await take(student)
            ballot = {"type": "ballot", "vote": vote["id"], "round": 1}
            told = message if isinstance(message, str) else json.dumps(ballot | message)
            await page.channel.write_message(told)
            refused = await page.until(lambda each: each["type"] == "refused")
            assert refused["reason"] == reason
            assert (await page.answer(vote, 1))["type"] == "kept"

    asyncio.run(hold())


def test_a_form_that_is_no_vote_is_refused_with_the_reason(teacher: Browser) -> None:
    forms = {
        "a vote has a form": None,
        "a vote has no field 'x'": FORM | {"x": 1},
        "a choice has 2 to 8 options, not 9": FORM | {"options": [*"abcdefghi"]},
        "two options are the same": FORM | {"options": ["a", "a"]},
        "title has 1 to 10,000 characters": FORM | {"title": "x" * 10_001},
        "low is a number within 1e9, not 'inf'": {
            **{"kind": "number", "title": "?", "low": float("inf"), "high": 1, "step": 1}
        },
        "step leads from 0 to 1 in 1 to 1000 steps, not 0.0001": {
            **{"kind": "number", "title": "?", "low": 0, "high": 1, "step": 1e-4}
        },
        "the right number is 0 to 1, not 2": {
            **{"kind": "number", "title": "?", "low": 0, "high": 1, "step": 0.5, "truth": 2}
        },
    }

    async def hold() -> None:
        async with seats() as take:
            desk = await take(teacher, "teacher")
            for reason, form in forms.items():
                await desk.send(type="open", form=form)
                refused = await desk.until(lambda message: message["type"] == "refused")
                assert refused["reason"] == reason

    asyncio.run(hold())


@pytest.mark.parametrize("view", ["teacher", "show", "nobody"])
def test_only_the_teacher_sees_tallies_and_opens_votes(student: Browser, view: str) -> None:
    assert [student.ask(path)[0] for path in ("/class", "/class/show")] == [403, 403]
    assert_refused(403, student, view)


def test_a_stranger_and_a_page_of_another_site_have_no_channel(
    port: int, teacher: Browser, student: Browser
) -> None:
    assert_refused(403, Browser(port))
    foreign = {"Origin": "http://elsewhere.example"}
    assert_refused(403, student, **foreign)
    assert_refused(403, teacher, "teacher", **foreign)
    query = f"teacher&token={TOKEN.replace(' ', '%20')}"
    assert_refused(403, Browser(port), query, **foreign)  # a token opens no way for other sites
    assert Browser(port).ask("/class/files/class_page.js")[0] == 302


def assert_refused(status: int, browser: Browser, view: str = "page", **headers: str) -> None:
    async def knock() -> None:
        async with seats() as take:
            await take(browser, view, **headers)

    with pytest.raises(HTTPClientError) as refused:
        asyncio.run(knock())
    assert refused.value.code == status


def test_a_page_that_floods_is_closed_and_a_browser_has_a_few_channels(port: int) -> None:
    student = entered(port, PASSWORD)  # no channel of an earlier test is still closing

    async def flood() -> None:
        async with seats() as take:
            pages = [await take(student) for _ in range(12)]
            with pytest.raises(HTTPClientError, match="429"):
                await take(student)
            for _ in range(100):
                await pages[0].send(type="ballot")
            while await pages[0].read() is not None:
                pass
            assert pages[0].channel.close_code == 1008

    asyncio.run(flood())


def test_ballots_at_once_are_all_counted(port: int, teacher: Browser) -> None:
    students = [entered(port, PASSWORD) for _ in range(3)]

    async def hold() -> None:
        async with seats() as take:
            wall = await take(teacher, "show")
            _, vote = await opened(take, teacher)
            pages = [await take(each) for each in students]
            await asyncio.gather(*(page.answer(vote, i % 2) for i, page in enumerate(pages)))
            await wall.until(lambda message: message.get("rounds") == [[2, 1]])

    asyncio.run(hold())


RECIPE = {"lesson": "explorer.ipynb", "query": "case=digits&model=small&bits=4", "line": "Recipe"}
RECIPE |= {"bytes": 4100, "drop": 0.4}


def test_messages_to_the_projector_name_no_student(teacher: Browser, student: Browser) -> None:
    async def hold() -> None:
        async with seats() as take:
            wall, page = await take(teacher, "show"), await take(student)
            desk, vote = await opened(take, teacher)
            for message in ({"type": "ask", "on": True}, {"type": "collect", "on": True}):
                await desk.send(**message)
            await page.until(lambda message: message.get("collecting") is True)
            await page.answer(vote, 0)
            await page.send(type="push", **RECIPE)
            await page.send(type="settled", **RECIPE)
            point = {"bytes": 4100, "drop": 0.4, "model": "digits small"}
            tally = await wall.until(
                lambda message: (
                    (message.get("points"), message.get("rounds")) == ([point], [[1, 0]])
                )
            )
            again = await take(teacher, "show")
            recipes = await again.until(lambda message: message["type"] == "recipes")
            assert recipes["pushed"] == RECIPE
            for told in (tally, recipes):
                assert {*told} <= {
                    *("type", "here", "rounds", "vote", "points"),
                    *("teacher", "asked", "collecting", "pointed", "pushed"),
                }
            for kind in ("clear", "ask", "collect"):
                await desk.send(type=kind)

    asyncio.run(hold())


@pytest.mark.parametrize(
    "fault",
    [
        {"lesson": "../secret.ipynb"},
        {"query": "javascript:alert(1)\n"},
        {"query": "a" * 4001},
        {"line": 3},
        {"bytes": 1.5},
        {"bytes": True},
        {"drop": 1e300},
        {"drop": "1"},
    ],
)
def test_a_teachers_recipe_reaches_all_pages_and_a_forged_one_none(
    teacher: Browser, student: Browser, fault: dict[str, Any]
) -> None:
    async def hold() -> None:
        async with seats() as take:
            page, lesson = await take(student), await take(teacher)
            await page.send(type="point", **RECIPE)
            refused = await page.until(lambda message: message["type"] == "refused")
            assert refused["reason"] == "this page may not send such a message"
            await lesson.send(type="point", **RECIPE | fault)
            await lesson.until(lambda message: message["type"] == "refused")
            await lesson.send(type="point", **RECIPE)
            shown = await page.until(lambda message: bool(message.get("pointed")))
            assert shown["pointed"] == RECIPE
            desk = await take(teacher, "teacher")
            await desk.send(type="clear")
            await page.until(lambda message: message.get("pointed", RECIPE) is None)

    asyncio.run(hold())


def test_a_lesson_loads_the_class_and_only_the_packages_files_are_sent(student: Browser) -> None:
    status, text = student.ask("/voila/render/explorer.ipynb")
    assert status == 200
    assert "/class/files/class_page.js" in text
    status, script = student.ask("/class/files/class_page.js")
    assert (status, student.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert "export function start" in script
    for name in ("class_types.d.ts", "../class_store.py", "class_store.py", "%2e%2e%2fx.js"):
        assert student.ask(f"/class/files/{name}")[0] == 404
