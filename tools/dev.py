"""Serve the lessons and load their pages anew when a file is saved: ``make dev``.

A saved Python file, JavaScript module, stylesheet or notebook starts the server again, in a new
process. Each page asks for the number of that process and loads itself anew when it is another one;
under Voila that starts a new kernel, which imports the changed code.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from tornado.web import RequestHandler
from voila.tornado.handler import TornadoVoilaHandler
from watchfiles import Change, DefaultFilter, run_process

from optiwidgets.cli import LESSONS
from optiwidgets.hosting import app, handlers

PACKAGE = Path(app.__file__).parents[1]
SUFFIXES = (".py", ".js", ".css", ".ipynb")
STOP_S = 20  # for the server to end its kernels
ADDRESS = "/dev"
START = uuid4().hex  # of this process
HEAD = "<head>"
SCRIPT = f"""<script>
setInterval(async () => {{ // while the server starts, nothing answers
  const start = await fetch("{ADDRESS}").then((answer) => answer.text(), () => "{START}");
  if (start !== "{START}") location.reload();
}}, 500);
</script>"""


class SourceFilter(DefaultFilter):
    """Let through the changes of files that pages are made of.

    Examples
    --------
    >>> SourceFilter()(Change.modified, "optiwidgets/cli.py")
    True
    >>> SourceFilter()(Change.added, "optiwidgets/__pycache__/cli.cpython-311.pyc")
    False
    """

    def __call__(self, change: Change, path: str) -> bool:
        """Tell whether a change of a file starts the server again."""
        return path.endswith(SUFFIXES) and super().__call__(change, path)


class Start(RequestHandler):
    """Number of this process, which a page compares with its own."""

    def get(self) -> None:
        """Answer in plain text."""
        self.set_header("Content-Type", "text/plain")
        self.finish(START)


class Page(handlers.Page):
    """Page of a lesson, or of an error, that loads itself anew."""

    def write(self, chunk: Any) -> None:
        """Add the script at the beginning, since a page that breaks off needs it too."""
        super().write(chunk.replace(HEAD, HEAD + SCRIPT, 1) if isinstance(chunk, str) else chunk)


class DevServer(app.LessonServer):
    """Server of lessons whose pages load themselves anew and show tracebacks."""

    def initialize(self, argv: list[str] | None = None) -> None:
        """Show tracebacks, which the lessons' own settings hide."""
        super().initialize(argv)
        self.voila_configuration.show_tracebacks = True

    def init_handlers(self) -> list[Any]:
        """Put the reloading page in the place of the lessons' own."""
        routes = super().init_handlers()
        ours = app.OURS[TornadoVoilaHandler]
        changed = [(path, Page if kind is ours else kind, *rest) for path, kind, *rest in routes]
        return [(ADDRESS, Start), *changed]


def serve(port: int, lessons: Path) -> None:
    """Serve until interrupted; exit with 2 where that cannot be done."""
    try:
        app.serve(app.Hosting(lessons, port), DevServer)
    except app.NotServedError as error:
        sys.exit(f"make dev: {error}")


def announce(changes: set[tuple[Change, str]]) -> None:
    """Print the names of changed files."""
    print(f"changed: {', '.join(sorted({Path(path).name for _, path in changes}))}", flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Serve, and serve again in a new process after each change, until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=8866, help="8866")
    parser.add_argument("--lessons", type=Path, default=LESSONS, metavar="DIR", help="of notebooks")
    arguments = parser.parse_args(argv)
    run_process(
        PACKAGE,
        arguments.lessons,
        target=serve,
        args=(arguments.port, arguments.lessons),
        callback=announce,
        watch_filter=SourceFilter(),
        sigint_timeout=STOP_S,
    )


if __name__ == "__main__":
    main()
