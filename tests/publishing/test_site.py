"""A site is complete, refers to its own files alone, and is made anew only where it changed."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import zlib
from html import unescape
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path, PurePosixPath

import nbformat
import pytest
from ipywidgets import VBox
from PIL import Image
from small_site import FIRST, HOSTILE, write_book, write_lessons

from optiwidgets.cli import main
from optiwidgets.publishing import lesson_process, lesson_store, lesson_widgets, site_folder
from optiwidgets.publishing.lesson_run import LessonError
from optiwidgets.publishing.lesson_store import LessonStore
from optiwidgets.publishing.site import build_site
from optiwidgets.publishing.site_folder import MARK, write_folder
from optiwidgets.publishing.site_links import Addresses
from optiwidgets.publishing.site_pages import output_html
from optiwidgets.publishing.site_path import SiteLesson
from optiwidgets.publishing.start_page import picture_bytes, start_body
from optiwidgets.texts import SOURCE, use
from optiwidgets.widgets.base.standalone import Standalone


class References(HTMLParser):
    """Addresses of a page's links and files, and its identifiers."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links, self.files, self.names = list[str](), list[str](), set[str]()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("href", "src"):
                (self.links if tag == "a" else self.files).append(value)
            elif name == "id":
                self.names.add(value)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folder of a small site's lessons, the site, and the store of their outputs."""
    folder = tmp_path_factory.mktemp("site")
    lessons, out, store = (
        write_lessons(folder / "lessons"),
        folder / "out",
        LessonStore(folder / "s"),
    )
    build_site(out, lessons, store=store, tell=lambda _: None)
    return lessons, out, store


def read(out: Path) -> dict[str, bytes]:
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}


def test_a_site_has_a_page_of_each_lesson_and_text_and_a_start(made):
    _, out, _ = made
    pages = {path.name for path in out.glob("*.html")}
    assert pages == {"index.html", "10_first.html", "20_next.html", "PAGE.html"}
    assert {*json.loads((out / MARK).read_text())} == {*read(out)} - {MARK}


def test_every_address_is_relative_and_leads_to_a_file_and_a_heading(made):
    _, out, _ = made
    pages = {path.name: References(path.read_text()) for path in out.glob("*.html")}
    followed = 0
    for name, page in pages.items():
        for address in (*page.files, *page.links):
            path, _, anchor = address.partition("#")
            if address in page.files:
                assert ":" not in address.removeprefix("data:,"), (name, address)
            if ":" in path:
                continue  # a link that opens another site
            assert not PurePosixPath(path).is_absolute()
            assert (out / path).is_file() or not path, (name, address)
            assert path not in pages or not anchor or anchor in {"top", *pages[path].names}
            followed += 1
    assert followed > 20


def test_the_start_page_leads_to_the_lessons_and_tells_how_long_they_take(made):
    _, out, _ = made
    start = (out / "index.html").read_text()
    assert "1 lesson, 7 minutes" in start
    assert '<a class="ow-site-go" data-ow-continue href="10_first.html">' in start
    assert 'data-ow-lesson="10_first" data-ow-asked="pruning.magnitude"' in start
    assert "explorer.html" not in start  # this site has none


def test_a_lesson_has_the_path_at_its_head(made):
    _, out, _ = made
    for name, current in (("10_first", 'aria-current="page"><span>1<'), ("20_next", "><span>1<")):
        head = (out / f"{name}.html").read_text().partition("</header>")[0]
        assert head.count("<li data-state") == 1, name
        assert current in head
        assert f'<p role="status" data-ow-lesson="{name}"' in head
    assert "ow-site-path" not in (out / "PAGE.html").read_text()


def test_the_explorer_stands_first_with_the_last_frame_of_its_picture(tmp_path):
    frames = [Image.new("RGB", (8, 4), colour) for colour in ("red", "blue")]
    moving = tmp_path / "explorer.webp"
    frames[0].save(moving, save_all=True, append_images=frames[1:], lossless=True)
    with Image.open(BytesIO(picture_bytes(moving))) as found:
        red, _, blue = found.convert("RGB").getpixel((4, 2))
    other = moving.rename(tmp_path / "other.webp")
    assert picture_bytes(other) == other.read_bytes()
    assert red < blue
    explorer = tmp_path / "explorer.ipynb"
    addresses = Addresses(tmp_path, {explorer: "explorer.html"})
    lesson = SiteLesson("10_a", "10_a.html", "A", goals=("I know *why*.",))
    body = start_body([lesson], {explorer: "Explorer"}, addresses, "assets/a.webp")
    assert body.index('href="explorer.html">Open the explorer') < body.index('10_a.html">A')
    assert 'src="assets/a.webp"' in body
    assert "I know <em>why</em>." in body


def test_texts_appear_as_texts(made):
    _, out, _ = made
    for name in ("10_first.html", "index.html"):
        html = (out / name).read_text()
        assert "<b>x</b>" not in html.partition("<main")[0]
        assert html.partition("<main")[0].count(HOSTILE[:9]) == 1  # of the page's own script
    start = (out / "index.html").read_text()
    assert f"Pruning {HOSTILE}" in unescape(re.sub("<[^>]*>", "", start))
    assert '<pre class="ow-site-output">&#x27;&lt;/script&gt;&#x27;</pre>' in (
        out / "20_next.html"
    ).read_text().replace("&gt;'", "&gt;&#x27;").replace(">'&lt;", ">&#x27;&lt;")


def test_a_page_forbids_other_sites_and_code_from_text(made):
    _, out, _ = made
    for path in out.glob("*.html"):
        policy = re.search(r'Content-Security-Policy" content="([^"]*)"', path.read_text())[1]
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert rules["default-src"] == "'none'"
        assert rules["connect-src"] == "'self'"
        assert "'unsafe" not in rules["script-src"].replace("'wasm-unsafe-eval'", "")
        assert not re.search(
            r"<script(?![^>]*(?:src=|type=\"application/json\"))", path.read_text()
        )


def test_widgets_travel_but_of_cells_that_need_python(made):
    _, out, _ = made
    html = (out / "10_first.html").read_text()
    assert html.count("data-ow-widget=") == 1
    assert "A reason of its own." in html
    assert "What do you try first" in html  # the question, as it was
    (data,) = out.glob("assets/10_first-*.json.z")
    page = json.loads(zlib.decompress(data.read_bytes()))
    roles = [role["question"]["key"] for role in page["roles"].values() if role]
    assert roles == ["pruning.magnitude"]


def test_a_widget_that_needs_python_is_shown_with_its_picture(tmp_path):
    stream = BytesIO()
    Image.new("RGB", (8, 4)).save(stream, format="PNG")
    png = base64.b64encode(stream.getvalue()).decode()
    shown = {"kind": "widget", "widget": "w", "html": "<p>98 %</p>", "png": png}
    html = output_html(shown, as_was=True, add_picture=lambda _: "a.png")
    assert "<p>98 %</p>" in html
    assert 'src="a.png"' in html
    assert 'width="8" height="4"' in html
    assert "<img" not in output_html(shown, as_was=False, add_picture=lambda _: "a.png")


def test_widgets_are_described_once_their_numbers_are_complete(monkeypatch):
    steps = list[str]()

    class Still(Standalone, VBox):
        def static_body(self):
            steps.append("described")
            return "<p>4 bits</p>"

        def static_picture(self):
            return b"png"

    monkeypatch.setattr(lesson_widgets, "settle", lambda _: steps.append("settled"))
    made = {"live": Still(), "still": Still(), "stock": VBox()}
    cells = {name: [{"kind": "widget", "widget": name}] for name in made}
    lesson_process._describe_stills(cells, made, as_was=["still", "stock"])
    assert steps == ["settled", "described", "described"]
    html = output_html(cells["stock"][0], as_was=True, add_picture=lambda _: "a.png")
    assert "<img" not in html
    assert cells["live"][0]["png"] == ""
    assert base64.b64decode(cells["still"][0]["png"]) == b"png"


def test_figures_are_pictures_and_what_is_printed_is_text(made):
    _, out, _ = made
    html = (out / "20_next.html").read_text()
    (picture,) = out.glob("assets/20_next-2-*.png")
    assert f'src="assets/{picture.name}"' in html
    assert '<pre class="ow-site-output">printed</pre>' in html


def test_a_notebook_to_download_installs_the_package_first(made):
    _, out, _ = made
    book = nbformat.read(out / "notebooks" / "10_first.ipynb", as_version=4)
    nbformat.validate(book)
    assert "%pip install" in book.cells[0].source
    assert [cell.source for cell in book.cells[1:]] == [source for _, source in FIRST]


def test_nothing_is_run_again_and_no_file_changes_when_nothing_changed(made):
    lessons, out, store = made
    before, said = read(out), list[str]()
    build_site(out, lessons, store=store, tell=said.append)
    assert read(out) == before
    assert said[0] == "2 of 2 lessons are as they were"


def test_a_changed_lesson_alone_is_run_again(made, tmp_path):
    lessons, _, store = made
    copied = shutil.copytree(lessons, tmp_path / "lessons")
    write_book(copied / "20_next.ipynb", (("markdown", "# Next"), ("code", "x = 1")))
    (copied / "static.yaml").unlink()
    kept = LessonStore(shutil.copytree(store.folder, tmp_path / "store"))
    found = kept.outputs({copied / "20_next.ipynb": {}}, lambda _: None)
    assert found["20_next"]["cells"] == {"1": []}
    assert {path.name.partition(".")[0] for path in kept.folder.glob("*.z")} == {
        "10_first",
        "20_next",
    }


def test_a_lesson_is_run_again_when_a_file_of_its_experiment_is_gone(tmp_path, monkeypatch):
    kept, book = LessonStore(tmp_path / "store"), tmp_path / "10_a.ipynb"
    write_book(book, (("code", "x = 1"),))
    files = [f"digits-small-{part}.key.z" for part in ("runs", "weights")]
    ran = list[Path]()

    def run(jobs):
        for job in jobs:
            job.output.write_text(json.dumps({"experiments": {"digits small": files}}))
            ran.append(job.notebook)
            yield job.notebook

    monkeypatch.setattr(lesson_store, "run_lessons", run)
    kept.experiments.mkdir(parents=True)
    for name in files:
        (kept.experiments / name).touch()
    for _ in range(2):
        kept.outputs({book: {}}, lambda _: None)
    assert ran == [book]
    (kept.experiments / files[1]).unlink()
    kept.outputs({book: {}}, lambda _: None)
    assert ran == [book, book]


def test_outputs_of_a_lesson_are_kept_for_each_language(tmp_path):
    kept, book = LessonStore(tmp_path / "store"), tmp_path / "10_a.ipynb"
    write_book(book, (("code", "x = 1"),))
    english = kept._file(book, {})
    use("de")
    try:
        assert kept._file(book, {}) != english
    finally:
        use(SOURCE)
    assert kept._file(book, {}) == english


def test_a_damaged_store_is_told_and_mended(made, tmp_path):
    lessons, _, store = made
    kept = LessonStore(shutil.copytree(store.folder, tmp_path / "store"))
    (file,) = kept.folder.glob("20_next.*.z")
    file.write_bytes(b"damaged")
    with pytest.raises(ValueError, match="build again"):
        build_site(tmp_path / "out", lessons, store=kept, tell=lambda _: None)
    assert not file.exists()


def test_a_cell_that_fails_stops_the_build_and_is_named(made, tmp_path):
    _, out, _ = made
    lessons = tmp_path / "lessons"
    lessons.mkdir()
    write_book(lessons / "40_broken.ipynb", (("code", "x = 0"), ("code", "y = 1\n1 / x")))
    site, before = shutil.copytree(out, tmp_path / "site"), read(out)
    with pytest.raises(LessonError, match=r"40_broken, cell 1 \('y = 1'\): ZeroDivisionError"):
        build_site(site, lessons, store=LessonStore(tmp_path / "s"), tell=lambda _: None)
    assert read(site) == before


def test_a_process_that_ends_is_told(tmp_path):
    lessons = tmp_path / "lessons"
    lessons.mkdir()
    write_book(lessons / "40_gone.ipynb", (("code", "import os\n\nos._exit(7)"),))
    with pytest.raises(LessonError, match=r"40_gone: the process that ran it ended \(7\)"):
        build_site(tmp_path / "o", lessons, store=LessonStore(tmp_path / "s"), tell=lambda _: None)
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("PAGE.md", "[gone](gone.md)", "PAGE.md links to gone.md"),
        ("static.yaml", "10_first: []", "not in static.yaml"),
        ("10_first.md", "# Again", "two pages of the site would be 10_first.html"),
    ],
)
def test_what_does_not_fit_together_is_refused(made, tmp_path, name, text, said):
    lessons, _, store = made
    copied = shutil.copytree(lessons, tmp_path / "lessons")
    (copied / name).write_text(text)
    with pytest.raises(ValueError, match=said):
        build_site(tmp_path / "out", copied, store=store, tell=lambda _: None)
    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_files_is_refused_by_name(tmp_path, capsys):
    lessons, out = write_lessons(tmp_path / "lessons"), tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    assert main(["site", str(out), "--lessons", str(lessons)]) == 2
    assert "1 files that are not of a site: thesis.txt" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]


def test_a_folder_without_lessons_is_refused(tmp_path, capsys):
    assert main(["site", str(tmp_path / "out"), "--lessons", str(tmp_path)]) == 2
    assert "holds no lesson" in capsys.readouterr().err


# ---- the folder


def test_a_new_site_replaces_the_old_one_as_a_whole(tmp_path):
    out = tmp_path / "out"
    write_folder(out, {"a.html": b"1", "b/c.js": b"2"})
    write_folder(out, {"a.html": b"3"})
    assert read(out).keys() == {"a.html", MARK}
    assert (out / "a.html").read_bytes() == b"3"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_failed_switch_leaves_the_old_site(tmp_path, monkeypatch):
    out, replace = tmp_path / "out", os.replace
    write_folder(out, {"a.html": b"1"})

    def fail(source, target):
        if Path(source).name == "new":
            raise OSError("no space left")
        replace(source, target)

    monkeypatch.setattr(site_folder.os, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        write_folder(out, {"a.html": b"2"})
    assert (out / "a.html").read_bytes() == b"1"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_file_added_to_a_site_by_hand_is_not_removed(tmp_path):
    out = tmp_path / "out"
    write_folder(out, {"a.html": b"1"})
    (out / "CNAME").write_text("course.example")
    with pytest.raises(ValueError, match="CNAME"):
        write_folder(out, {"a.html": b"2"})


def test_a_link_to_a_folder_is_refused(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "real")
    with pytest.raises(ValueError, match="a link"):
        write_folder(tmp_path / "out", {"a.html": b"1"})


def test_no_file_is_written_outside(tmp_path):
    with pytest.raises(ValueError, match="outside"):
        write_folder(tmp_path / "out", {"../a.html": b"1"})
    assert not (tmp_path / "out").exists()
