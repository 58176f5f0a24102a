"""Learning platform of tests: scorm-again around a lesson, and a server that keeps its data."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SCORM_AGAIN = Path(__file__).parents[1] / "javascript/node_modules/scorm-again/dist/scorm12.min.js"
PATIENCE_S = 60  # reached only when a test fails
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><link rel="icon" href="data:,">
<title>Platform</title></head><body>
<script src="/scorm-again.js"></script>
<script>
const settings = {{ lmsCommitUrl: "/commit/{learner}", logLevel: 5, mastery_override: true }};
window.API = new Scorm12API(settings);
API.loadFromJSON({kept});
</script>
<iframe src="/course/{lesson}" title="Lesson" style="width: 100%; height: 90vh"></iframe>
</body></html>"""


@dataclass
class Kept:
    """Data that the platform keeps of one learner; ``saves`` lists every commit."""

    cmi: dict[str, Any] = field(default_factory=lambda: {"core": {"credit": "credit"}})
    saves: list[dict[str, Any]] = field(default_factory=list)
    works: bool = True
    saved: threading.Condition = field(default_factory=threading.Condition, repr=False)

    def save(self, sent: dict[str, Any]) -> None:
        """Keep what was sent."""
        with self.saved:
            self.cmi = sent["cmi"]
            self.saves.append(sent)
            self.saved.notify_all()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds: a page's last save comes after the page is gone."""
        with self.saved:
            assert self.saved.wait_for(condition, PATIENCE_S), self.cmi

    @property
    def core(self) -> dict[str, Any]:
        core: dict[str, Any] = self.cmi["core"]
        return core

    @property
    def interactions(self) -> list[dict[str, str]]:
        return [*self.cmi["interactions"].values()]


Learners = defaultdict[str, Kept]


@dataclass
class Platform:
    """Address of the platform, and its data by learner."""

    address: str
    learners: Learners

    def launch(self, learner: str, lesson: str) -> str:
        """Address at which a learner opens a lesson."""
        return f"{self.address}/launch/{learner}/{lesson}"


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *given: Any, learners: Learners, course: Path, **named: Any) -> None:
        self.learners = learners
        super().__init__(*given, directory=str(course.parent), **named)

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith("/launch/"):
            learner, lesson = path.removeprefix("/launch/").split("/", 1)
            kept = json.dumps(self.learners[learner].cmi).replace("<", "\\u003c")
            html = PAGE.format(kept=kept, lesson=lesson, learner=learner)
            self._send(html.encode(), "text/html; charset=utf-8")
        elif path == "/scorm-again.js":
            self._send(SCORM_AGAIN.read_bytes(), "text/javascript")
        else:
            super().do_GET()

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        kept = self.learners[self.path.rpartition("/")[2]]
        if kept.works:
            kept.save(sent)
        answer = {"result": kept.works, "errorCode": 0 if kept.works else 101}
        self._send(json.dumps(answer).encode(), "application/json")

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *given: Any) -> None:
        """Print nothing."""


@contextmanager
def serving_platform(course: Path) -> Iterator[Platform]:
    """Serve a package's folder, ``course``, and the platform that opens its lessons."""
    learners = Learners(Kept)
    handler = partial(_Handler, learners=learners, course=course)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield Platform(f"http://127.0.0.1:{server.server_port}", learners)
        finally:
            server.shutdown()
            thread.join()
