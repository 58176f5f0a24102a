"""JavaScript files that import each other become one module, or an error that names the files."""

import re
import shutil
import subprocess

import pytest

from optiwidgets.widgets.base.modules import join_modules, parse, without_literals

ENTRY = "function render() {}\nexport default { render };\n"


@pytest.fixture
def join(tmp_path):
    """Write modules into a folder and join them from the first one."""

    def write_and_join(**sources):
        for name, source in sources.items():
            path = tmp_path / f"{name.replace('_in_', '/')}.js"
            path.parent.mkdir(exist_ok=True)
            path.write_text(source)
        return join_modules(tmp_path / f"{next(iter(sources))}.js", tmp_path)

    return write_and_join


def test_imports_go_first_and_only_the_entry_keeps_its_export(join):
    joined = join(
        panel='import { twice } from "./numbers.js";\nconst render = () => twice(2);\n'
        "export default { render };\n",
        numbers="export const twice = (n) => 2 * n;\n",
    )
    assert joined == (
        "const twice = (n) => 2 * n;\n\n"
        "const render = () => twice(2);\nexport default { render };\n"
    )


def test_a_module_imported_twice_is_joined_once_before_both(join):
    joined = join(
        panel='import { left } from "./left.js";\nimport { right } from "./right.js";\n'
        "const render = () => left + right;\nexport default { render };\n",
        left='import { base } from "./base.js";\nexport const left = base + 1;\n',
        right='import { base } from "./base.js";\nexport const right = base + 2;\n',
        base="export const base = 0;\n",
    )
    order = [joined.index(f"const {name} =") for name in ("base", "left", "right", "render")]
    assert order == sorted(order)
    assert joined.count("const base = 0;") == 1


def test_an_import_may_take_several_lines_and_lead_into_folders(join):
    joined = join(
        panel='import {\n  one,\n  two,\n} from "./shared/numbers.js";\n' + ENTRY,
        shared_in_numbers="export function one() {}\nexport async function two() {}\n",
    )
    assert joined.startswith("function one() {}\nasync function two() {}\n")
    assert "import" not in joined


def test_words_in_strings_and_comments_are_left_alone(join):
    source = (
        "/** @typedef {import('./types').Data} Data */\n"
        'const text = "\\" export const a; import b";\n'
        "const lines = `\nimport { a } from './a.js'; ${[`\nexport {`]}\n`;\n"
        "const quote = /[\"'`{/]/g; // export default\n"
        "const half = text.length / 2 / 1;\n" + ENTRY
    )
    assert join(panel=source) == source


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_a_joined_module_runs(join, tmp_path):
    joined = join(
        panel='import { total } from "./sum.js";\nimport { items } from "./items.js";\n'
        "console.log(total(items));\nexport default { items };\n",
        sum="export const total = (all) => all.reduce((a, b) => a + b, zero);\nconst zero = 0;\n",
        items="export const items = [1, 2, 3];\n",
    )
    (tmp_path / "joined.mjs").write_text(joined)
    ran = subprocess.run(
        ["node", tmp_path / "joined.mjs"], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "6\n"


def test_a_circle_is_an_error_that_names_its_files(join):
    with pytest.raises(ValueError, match=r"circle: a\.js -> b\.js -> a\.js"):
        join(
            panel='import { a } from "./a.js";\n' + ENTRY,
            a='import { b } from "./b.js";\nexport const a = () => b;\n',
            b='import { a } from "./a.js";\nexport const b = () => a;\n',
        )


@pytest.mark.parametrize(
    "declaration",
    [
        "const size = 2;",
        "const a = [1, 2], size = 3;",
        "let size;",
        "var size = 1;",
        "function size() {}",
        "async function size() {}",
        "function* size() {}",
        "class size {}",
        "export const size = (a) => {\n  const b = a;\n  return b;\n};",
    ],
)
def test_one_name_in_two_files_is_an_error_that_names_both(join, declaration):
    with pytest.raises(ValueError, match=r"sizes\.js and panel\.js both declare 'size'"):
        join(
            panel=f'import {{ other }} from "./sizes.js";\n{declaration}\n{ENTRY}',
            sizes="const size = 1;\nexport const other = size;\n",
        )


def test_names_inside_of_functions_do_not_clash(join):
    joined = join(
        panel='import { other } from "./sizes.js";\n'
        "function render() { const size = 2; return other + size; }\nexport default { render };\n",
        sizes="const size = 1;\nexport const other = size;\n",
    )
    assert joined.count("const size") == 2


def test_a_missing_file_is_an_error_that_names_importer_and_path(join, tmp_path):
    message = re.escape(f"no module {tmp_path / 'gone.js'}, imported by panel.js")
    with pytest.raises(FileNotFoundError, match=message):
        join(panel='import { a } from "./gone.js";\n' + ENTRY)


def test_a_path_outside_of_the_folder_is_an_error(join, tmp_path):
    with pytest.raises(ValueError, match=r"other\.js, imported by panel\.js, is outside of"):
        join(panel='import { a } from "../other.js";\n' + ENTRY)


def test_a_link_to_a_file_outside_of_the_folder_is_an_error(join, tmp_path):
    outside = tmp_path.parent / f"{tmp_path.name}_outside.js"
    outside.write_text("export const a = 1;\n")
    (tmp_path / "inside.js").symlink_to(outside)
    with pytest.raises(ValueError, match="is outside of"):
        join(panel='import { a } from "./inside.js";\n' + ENTRY)


@pytest.mark.parametrize(
    "statement",
    [
        'import { a as b } from "./a.js";',
        'import a from "./a.js";',
        'import * as a from "./a.js";',
        'import a, { b } from "./a.js";',
        'import "./a.js";',
        'import { a } from "a";',
        'import { a } from "https://example.org/a.js";',
        "import { a } from './a.js';",
        'import { a } from "./a.js"',
        'const a = await import("./a.js");',
        'async function load() { return import("./a.js"); }',
        "const here = import.meta.url;",
    ],
)
def test_other_forms_of_import_are_errors(join, statement):
    with pytest.raises(ValueError, match=r"^panel\.js: .*import"):
        join(panel=f"{statement}\n{ENTRY}", a="export const a = 1;\n")


@pytest.mark.parametrize(
    "statement",
    [
        "export { render };",
        'export * from "./a.js";',
        'export { a } from "./a.js";',
        "export default function other() {}",
        "export default render;",
        "export default { render };",
        "export var a = 1;",
    ],
)
def test_other_forms_of_export_are_errors(join, statement):
    with pytest.raises(ValueError, match=r"^panel\.js: 'export .* is not an export"):
        join(panel=f"{ENTRY}{statement}\n")


def test_names_of_the_top_level_are_declared_one_by_one(join):
    with pytest.raises(ValueError, match=r"panel\.js: declare names of the top level one by one"):
        join(panel="const { a, b } = location;\n" + ENTRY)


def test_a_name_that_is_not_exported_is_an_error(join):
    with pytest.raises(ValueError, match=r"panel\.js imports 'a', which a\.js does not export"):
        join(panel='import { a } from "./a.js";\n' + ENTRY, a="const a = 1;\n")


def test_a_widget_is_not_imported_by_another(join):
    with pytest.raises(ValueError, match=r"panel\.js imports a\.js, which exports a widget"):
        join(panel='import { a } from "./a.js";\n' + ENTRY, a="export const a = 1;\n" + ENTRY)


def test_an_entry_without_a_default_export_is_an_error(join):
    with pytest.raises(ValueError, match=r"panel\.js has no 'export default"):
        join(panel="export function render() {}\n")


def test_a_changed_file_is_read_anew(join):
    first = join(panel="const a = 1;\n" + ENTRY)
    assert join(panel="const a = 2;\n" + ENTRY) == first.replace("1", "2")


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("a = 'it\\'s'; b", "a = '''''''; b"),
        ("a / b / c", "a / b / c"),
        ("(a) / b[0] / c", "(a) / b[0] / c"),
        ("x => /a\\/{2}/.test(x)", "x => ''''''''.test(x)"),
        ("return /}/", "return '''"),
        ("`a${b + `c${{d: 1}}`}e`", "'''{b + '''{{d: 1}}'}''"),
        ("`\n$5\\``", "'\n'''''"),
        ("/* a\n{ */ b // }", "    \n     b     "),
        ('"http://a" + b', "'''''''''' + b"),
    ],
)
def test_literals_and_comments_are_blanked_in_place(source, code):
    assert without_literals(source) == code


def test_exported_names_are_those_with_the_keyword():
    module = parse("export const a = 1, b = (x, y) => ({ x, y });\nconst c = [a, b];\n", "file.js")
    assert module.declared == ("a", "b", "c")
    assert module.exported == {"a", "b"}
