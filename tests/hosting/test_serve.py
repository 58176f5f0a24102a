"""Class served by ``optiwidgets serve``: who is admitted, how many, and forbidden addresses."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from classes import Browser, serving

import optiwidgets as ow
from optiwidgets.cli import main
from optiwidgets.hosting import handlers, provisioner
from optiwidgets.hosting.app import LOOPBACK
from optiwidgets.hosting.auth import ClassIdentityProvider

TOKEN, PASSWORD = "a teacher's", "a student's"
OWN_QUESTIONS = """\
schema: questions/1
title: Our own
questions:
  - key: mine.half
    kind: number
    title: A half
    prompt: Half of 1?
    value: 0.5
    tolerance: 0.01
    hint: Divide by 2.
    solution: A secret half.
"""


@pytest.fixture(scope="module")
def lessons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lessons")
    (folder / ".hidden").mkdir()
    (folder / "sub").mkdir()
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    for name, code in {
        "explorer.ipynb": "import os\nprint('parent', os.getppid())",
        "10_breaks.ipynb": "1 / 0",
        "20_mine.ipynb": "import optiwidgets as ow\nprint(ow.ask('mine.half'))",
        ".hidden/secret.ipynb": "print('secret')",
        "sub/secret.ipynb": "print('secret')",
    }.items():
        cells = [nbformat.v4.new_code_cell(code)]
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), folder / name)
    (folder / "questions").mkdir()
    (folder / "questions" / "mine.yaml").write_text(OWN_QUESTIONS)
    return folder


@pytest.fixture(scope="module")
def open_port(lessons: Path) -> Iterator[int]:
    """Class open to everybody on this machine, with two places."""
    with serving(lessons, "--max-users", "2") as (port, _):
        yield port


@pytest.fixture(scope="module")
def closed_port(lessons: Path) -> Iterator[int]:
    """Class behind a token and a password."""
    with serving(lessons, OPTIWIDGETS_TOKEN=TOKEN, OPTIWIDGETS_PASSWORD=PASSWORD) as (port, _):
        yield port


def test_pages_come_from_forked_kernels_and_a_full_class_asks_to_wait(open_port: int) -> None:
    first, second, third = (Browser(open_port) for _ in range(3))
    kernels = [first.open(), second.open()]
    assert first.health()["kernels"] == 2
    status, text = third.ask("/voila/render/explorer.ipynb")
    assert status == 503
    assert third.headers["Retry-After"] == "5"
    assert "The class is full" in text
    assert '<meta http-equiv="refresh" content="5">' in text
    assert [b.close(k) for b, k in zip((first, second), kernels, strict=True)] == [204, 204]
    assert third.close(third.open()) == 204
    assert first.health()["kernels"] == 0


def test_health_names_the_sparse_runtime(open_port: int) -> None:
    health, info = Browser(open_port).health(), ow.runtime_info()
    assert health["sparse_runtime"] == info.sparse_status
    assert health["sparse_runtime_most_macs"] == info.most_macs


def test_a_kernel_is_its_owners_alone(open_port: int) -> None:
    owner, stranger = Browser(open_port), Browser(open_port)
    kernel = owner.open()
    stranger.ask("/lessons")
    stranger.cookies["_xsrf"] = owner.cookies["_xsrf"]
    assert owner.ask(f"/api/kernels/{kernel}")[0] == 200
    assert stranger.ask(f"/api/kernels/{kernel}")[0] == 404
    assert stranger.close(kernel) == 404
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    upgrade["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    assert stranger.ask(f"/api/kernels/{kernel}/channels", **upgrade)[0] == 404
    foreign = upgrade | {"Origin": "http://elsewhere.example"}
    assert owner.ask(f"/api/kernels/{kernel}/channels", **foreign)[0] == 403
    assert owner.ask(f"/voila/api/shutdown/{kernel}", "POST")[0] == 403  # no XSRF token
    assert owner.ask(f"/api/kernels/{kernel}", "DELETE")[0] == 403
    assert owner.close(kernel) == 204


@pytest.mark.parametrize(
    "path",
    [
        "/voila/render/.hidden/secret.ipynb",
        "/voila/render/sub/secret.ipynb",
        "/voila/render/../explorer.ipynb",
        "/voila/render/%2e%2e/explorer.ipynb",
        "/voila/render/explorer.ipynb/",
        "/voila/render/absent.ipynb",
        "/voila/render/",
        "/voila/files/explorer.ipynb",
        "/voila/files/questions/mine.yaml",
        "/voila/render/questions/mine.yaml",
        "/voila/files/.hidden/secret.ipynb",
        "/voila/files/../../etc/passwd",
        "/voila/tree",
        "/voila/tree/sub",
        "/voila/api/contents/",
        "/api/kernels",
        "/api/contents",
        "/api/sessions",
        "/terminals/1",
        "/nowhere",
        "/logout",
        f"/voila/render/{'a' * 5000}.ipynb",
    ],
)
def test_nothing_but_lessons_can_be_opened(open_port: int, path: str) -> None:
    status, text = Browser(open_port).ask(path)
    assert status in (403, 404)
    assert "secret" not in text
    assert "Traceback" not in text
    assert "/" not in re.sub(r"<style>.*?</style>|<[^>]*>", "", text, flags=re.DOTALL)


def test_a_cell_that_breaks_shows_no_traceback(open_port: int) -> None:
    browser = Browser(open_port)
    status, text = browser.ask("/voila/render/10_breaks.ipynb")
    assert status == 200
    assert "error" in text
    assert "ZeroDivisionError" not in text
    assert str(Path(__file__).parents[2]) not in text
    browser.close(re.search(r'"kernelId": "([^"]+)"', text)[1])


def test_the_lessons_are_listed(open_port: int) -> None:
    status, text = Browser(open_port).ask("/lessons")
    assert status == 200
    assert re.findall(r'href="([^"]+)"', text) == [
        "voila/render/10_breaks.ipynb",
        "voila/render/20_mine.ipynb",
        "voila/render/explorer.ipynb",
    ]


def test_a_lesson_asks_a_question_of_the_teachers_own_file(open_port: int) -> None:
    browser = Browser(open_port)
    status, text = browser.ask("/voila/render/20_mine.ipynb")
    assert status == 200
    assert "mine.half: not attempted" in text
    assert "A secret half." not in text
    browser.close(re.search(r'"kernelId": "([^"]+)"', text)[1])


@pytest.mark.parametrize("command", ["app", "serve"])
def test_a_wrong_question_is_named_by_file_and_line_instead_of_being_served(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "explorer.ipynb").touch()
    (tmp_path / "questions").mkdir()
    path = tmp_path / "questions" / "mine.yaml"
    path.write_text(OWN_QUESTIONS.replace("0.01", "-1").replace("kind: number", "kind: nubmer"))
    assert main([command, "--port", "0", "--lessons", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert f"{path}:5: mine.half: kind: " in said
    path.write_text(OWN_QUESTIONS.replace("0.01", "-1"))
    assert main([command, "--port", "0", "--lessons", str(tmp_path)]) == 2
    problem = "mine.half: tolerance: -1 is not allowed; allowed: a number, 0 or more"
    assert f"questions with findings: 1\n{path}:9: {problem}" in capsys.readouterr().err


def test_without_token_or_password_nobody_enters(closed_port: int) -> None:
    stranger = Browser(closed_port)
    for path in ("/voila/render/explorer.ipynb", "/lessons", "/class"):
        status, _ = stranger.ask(path)
        assert status == 302
        assert stranger.headers["Location"].startswith("/login")
    assert stranger.ask("/voila/render/explorer.ipynb?token=wrong")[0] == 302
    assert stranger.health()["status"] == "ok"


def test_the_token_opens_the_lessons_and_the_class_page(closed_port: int) -> None:
    teacher = Browser(closed_port)
    page = "/voila/render/explorer.ipynb"
    assert teacher.ask(f"{page}?token={TOKEN.replace(' ', '%20')}&case=smear")[0] == 302
    assert teacher.headers["Location"] == f"{page}?case=smear"  # no token on a projector
    teacher.close(teacher.open())
    status, text = teacher.ask("/class")
    assert status == 200
    for row in ("Users", "Kernels", "Memory", "updates a second"):
        assert row in text


def test_the_password_opens_the_lessons_and_not_the_class_page(closed_port: int) -> None:
    student = Browser(closed_port)
    assert "Type the password of your class." in student.ask("/login")[1]
    for password, status in (("wrong", 401), (PASSWORD, 302)):
        form = f"_xsrf={student.cookies['_xsrf']}&password={password.replace(' ', '+')}"
        found, text = student.ask("/login", "POST", form)
        assert found == status
        assert ("That was not the password." in text) == (status == 401)
    student.close(student.open())
    assert student.ask("/class")[0] == 403


def test_no_secret_is_logged_even_where_something_breaks(
    lessons: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from optiwidgets.hosting.app import log_trouble

    class Handler:
        class request:  # noqa: N801 (a handler's attribute)
            method, path, uri = "GET", "/lessons", f"/lessons?token={TOKEN}"

        @staticmethod
        def get_status() -> int:
            return 500

    log_trouble(Handler())
    assert "GET /lessons gave 500" in caplog.text
    assert TOKEN not in caplog.text


def test_tokens_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    monkeypatch.setattr("hmac.compare_digest", lambda a, b: compared.append((a, b)) or a == b)
    entry = ClassIdentityProvider(token=TOKEN)
    assert [entry.is_token(given) for given in (TOKEN, "wrong", "")] == [True, False, False]
    assert len(compared) == 3
    assert not ClassIdentityProvider(token="").is_token("")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_listening_wider_needs_a_token(
    lessons: Path, host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert host not in LOOPBACK
    assert main(["serve", "--host", host, "--port", "0", "--lessons", str(lessons)]) == 2
    assert f"{host} can be reached by others: set a token" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"), [("--max-users", "0"), ("--case", "cats"), ("--port", "70000")]
)
def test_bad_options_are_named(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", option, value])
    assert f"argument {option}" in capsys.readouterr().err


def test_health_does_not_wait_for_a_forking_process_that_loads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def state() -> dict[str, str]:
        await asyncio.Event().wait()
        return {}

    monkeypatch.setattr(provisioner.FORKS, "state", state)
    assert asyncio.run(handlers._grid()) == "loading"
