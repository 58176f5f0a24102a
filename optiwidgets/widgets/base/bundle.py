"""Bundle of JavaScript modules for a page without a kernel: each file once, in its own scope.

A widget's module is served joined (`join_modules`), with all that it imports. A page with many
widgets would load the shared files many times, and their top-level names would meet. Here each
file becomes a function that returns its exports and that runs when it is first needed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from optiwidgets.widgets.base.modules import Module, load_all, parse

EXPORTED = re.compile(
    r"^export (?:async )?(?:function\*? ?|class |const )((?:[\w$]+(?: = .*)?,\n  )*[\w$]+)",
    re.MULTILINE,
)
CHANGING = re.compile(r"^export let .*", re.MULTILINE)
NAMED = re.compile(r"^import \{(\s*[\w$,\s]+?)\} from \"(\.{1,2}/[^\"]+)\";\n", re.MULTILINE)
COMMENT = re.compile(r"^[ \t]*(?:/\*\*(?:[^*]|\*(?!/))*\*/|//[^\n]*)\n", re.MULTILINE)
HEAD = '"use strict";\nconst owModules = {\n'
TAIL = """};
const owLoaded = {};
const owNeed = (name) => {
  if (!(name in owModules)) throw new Error(`no module ${name}`);
  return (owLoaded[name] ??= owModules[name]());
};
globalThis.owNeed = owNeed;
"""


def bundle_modules(entries: Iterable[str], root: Path) -> str:
    """Bundle modules and all that they import, each file once.

    The script defines ``owNeed(file)``, which runs a file on first use and returns its exports.

    Parameters
    ----------
    entries
        Files below the root.
    root
        Folder that holds all files.

    Raises
    ------
    FileNotFoundError, ValueError
        As `join_modules`; names of two files may be equal here. Also an exported ``let``, whose
        importers would not see it change.

    Examples
    --------
    >>> from optiwidgets.widgets.base.assets import WIDGETS
    >>> script = bundle_modules(["controls/fold.js"], WIDGETS)
    >>> script.count('"base/panel_runtime.js": () =>'), "import {" in script
    (1, False)
    """
    root = root.resolve()
    files = load_all([root / entry for entry in dict.fromkeys(entries)], root)
    return HEAD + "".join(_scope(path, module, root) for path, module in files.items()) + TAIL


def _scope(path: Path, module: Module, root: Path) -> str:
    """Wrap a file in a function that returns its exports."""
    name, source = path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")
    if changing := CHANGING.search(source):
        raise ValueError(f"{name}: export no variable that changes: {changing[0]!r}")
    needed = "".join(
        f"const {{ {' '.join(names.split())} }} = owNeed({_target(path, target, root)});\n"
        for names, target in NAMED.findall(source)
    )
    exports = [*exported(source)] + (["default: owDefault"] if module.has_default else [])
    body = re.sub(r"^export default \{", "const owDefault = {", module.body, flags=re.MULTILINE)
    body = COMMENT.sub("", body)
    return f"{json.dumps(name)}: () => {{\n{needed}{body}return {{ {', '.join(exports)} }};\n}},\n"


def _target(path: Path, target: str, root: Path) -> str:
    return json.dumps((path.parent / target).resolve().relative_to(root).as_posix())


def exported(source: str) -> list[str]:
    r"""List the names that a module exports, but its default.

    Examples
    --------
    >>> exported("export const a = 1,\n  b = 2;\nexport async function c() {}\nconst d = 3;\n")
    ['a', 'b', 'c']
    """
    parse(source, "module")
    declared = "\n".join(EXPORTED.findall(source))
    return re.findall(r"^ *([\w$]+)", declared, re.MULTILINE)
