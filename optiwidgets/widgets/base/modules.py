"""Joining of JavaScript modules that import each other to one module.

A notebook loads a widget from a single module, in which relative imports cannot be resolved. The
files on disk keep their imports for other tools; the module that is served has none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LITERAL = r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
CODE = re.compile(rf"(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<literal>{LITERAL})|[^/`{{}}\"']+|.", re.S)
REGEX = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/")
BEFORE_REGEX = re.compile(r"(?:[(,=:!&|?;\[{>]|\breturn|^)$")
TEMPLATE = re.compile(r"`|\$\{|(?:\\.|[^`\\$]|\$(?!\{))+", re.S)

NAME = r"[\w$]+"
IMPORT = re.compile(
    rf"import\s*\{{\s*({NAME}(?:\s*,\s*{NAME})*)\s*,?\s*\}}\s*from\s*\"(\.\.?/[^\"]*)\"\s*;\n?"
)
STATIC_IMPORT = re.compile(r"(?<![.\w$])import\b[^;]*;?\n?")
OTHER_IMPORT = re.compile(r"(?<![.\w$])import\s*[(.]")
EXPORT = re.compile(r"(?<![.\w$])export\b")
EXPORTED = re.compile(r"export\s+(?=(?:async\s+)?function\b|class\b|const\b|let\b)")
DEFAULT = re.compile(r"export\s+default\s*\{")
DECLARED = re.compile(
    rf"(export\s+)?\b(?:(?:async\s+)?function\s*\*?\s*({NAME})|class\s+({NAME})|(?:const|let|var)\b([^;]*);)"
)
DECLARATOR = re.compile(rf"\s*({NAME})\s*(?:=|$)")


@dataclass(frozen=True)
class Module:
    """One file: imports as (path, names), top-level names, and its text without import lines."""

    name: str
    imports: tuple[tuple[str, tuple[str, ...]], ...]
    declared: tuple[str, ...]
    exported: frozenset[str]
    is_entry: bool  # it ends with `export default { ... };`
    body: str


def join_modules(entry: Path, root: Path) -> str:
    """Join a module and all that it imports, dependencies first and each once.

    Parameters
    ----------
    entry
        File with `export default { ... };`, the only line with `export` that is kept.
    root
        Folder that holds all files; messages name them relative to it.

    Raises
    ------
    FileNotFoundError
        An imported file does not exist.
    ValueError
        Files import each other in a circle, declare the same name at the top level, lie outside the
        root, import a name that is not exported, or use another form of import or export than
        `import { a, b } from "./file.js";`, `export` before a declaration and `export default {`.
    """
    ordered = _sorted(entry.resolve(), root.resolve())
    if not ordered[-1].is_entry:
        raise ValueError(f"{ordered[-1].name} has no 'export default {{ ... }};'")
    owners: dict[str, str] = {}
    for module in ordered:
        for name in module.declared:
            other = owners.setdefault(name, module.name)
            if other != module.name:
                raise ValueError(
                    f"{other} and {module.name} both declare {name!r} at the top level"
                )
    return "\n".join(module.body for module in ordered)


def _sorted(entry: Path, root: Path) -> list[Module]:
    """Order modules by their imports: each after all that it imports."""
    modules: dict[Path, Module] = {}

    def visit(path: Path, importers: list[Path]) -> Module:
        if path in importers:
            circle = [_name(p, root) for p in [*importers[importers.index(path) :], path]]
            raise ValueError(f"modules import each other in a circle: {' -> '.join(circle)}")
        if path in modules:
            return modules[path]
        module = _load(path, root, importers)
        for target, names in module.imports:
            imported = visit((path.parent / target).resolve(), [*importers, path])
            if imported.is_entry:
                raise ValueError(f"{module.name} imports {imported.name}, which exports a widget")
            for name in names:
                if name not in imported.exported:
                    raise ValueError(
                        f"{module.name} imports {name!r}, which {imported.name} does not export"
                    )
        modules[path] = module
        return module

    visit(entry, [])
    return list(modules.values())


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _load(path: Path, root: Path, importers: list[Path]) -> Module:
    by = f", imported by {_name(importers[-1], root)}" if importers else ""
    if not path.is_relative_to(root):
        raise ValueError(f"{path}{by}, is outside of {root}")
    if not path.is_file():
        raise FileNotFoundError(f"no module {path}{by}")
    return parse(path.read_text(encoding="utf-8"), _name(path, root))


@cache
def parse(source: str, name: str) -> Module:
    r"""Read imports, exports and top-level names of a module.

    Examples
    --------
    >>> module = parse('import { a } from "./b.js";\nexport const c = a, d = 2;\n', "file.js")
    >>> module.imports, module.declared, module.body
    ((('./b.js', ('a',)),), ('c', 'd'), 'const c = a, d = 2;\n')
    """
    code = without_literals(source)
    if OTHER_IMPORT.search(code):
        raise ValueError(f"{name}: import() and import.meta are not supported")
    top = _top_level(code)
    imports = [
        (statement.span(), _import(source[slice(*statement.span())], name))
        for statement in STATIC_IMPORT.finditer(top)
    ]
    keywords, is_entry = _exports(source, top, name)
    declared, exported = _declared(top, name)
    body = source
    for start, end in sorted([*(span for span, _ in imports), *keywords], reverse=True):
        body = body[:start] + body[end:]
    imported = tuple(target for _, target in imports)
    return Module(name, imported, declared, exported, is_entry, body)


def _import(statement: str, file: str) -> tuple[str, tuple[str, ...]]:
    """Read the path and the names of an import statement."""
    found = IMPORT.fullmatch(statement)
    if not found:
        form = 'import { a, b } from "./file.js";'
        raise ValueError(f"{file}: {statement.strip()!r} is not of the form '{form}'")
    return found[2], tuple(re.split(r"\s*,\s*", found[1]))


def _exports(source: str, top: str, file: str) -> tuple[list[tuple[int, int]], bool]:
    """Find the keywords `export` before declarations, and whether there is a default export."""
    keywords, has_default = [], False
    for keyword in EXPORT.finditer(top):
        if DEFAULT.match(top, keyword.start()) and not has_default:
            has_default = True
        elif exported := EXPORTED.match(top, keyword.start()):
            keywords.append(exported.span())
        else:
            line = source[keyword.start() :].splitlines()[0]
            raise ValueError(f"{file}: {line!r} is not an export of a declaration")
    return keywords, has_default


def _declared(top: str, file: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """List all names of the top level, and those that are exported."""
    declared, exported = [], []
    for statement in DECLARED.finditer(top):
        names = [statement[2] or statement[3]]
        if statement[4] is not None:
            found = [DECLARATOR.match(part) for part in statement[4].split(",")]
            names = [match[1] for match in found if match]
            if len(names) < len(found):
                raise ValueError(f"{file}: declare names of the top level one by one, as 'a = 1'")
        declared += names
        exported += names if statement[1] else []
    return tuple(declared), frozenset(exported)


def without_literals(source: str) -> str:
    r"""Blank comments, and quote characters in place of strings, templates and regular expressions.

    Code inside `${...}` of a template stays. The length and the lines stay as they are.

    Examples
    --------
    >>> print(without_literals('f("a{", `b${c}`, /[/"]/); // d') + "|")
    f('''', '''{c}', '''''');     |
    """
    blanked: list[str] = []
    nested: list[str] = []  # open braces and templates
    at = 0
    while at < len(source):
        inside = bool(nested) and nested[-1] == "`"
        found = (TEMPLATE if inside else CODE).match(source, at)
        assert found is not None  # both end with a case for any character
        text, fill = found[0], "'" if inside else ""
        if text == "/" and BEFORE_REGEX.search("".join(blanked[-4:]).rstrip()[-7:]):
            regex = REGEX.match(source, at)
            text, fill = (regex[0], "'") if regex else (text, "")
        elif not inside and (found["comment"] or found["literal"]):
            fill = " " if found["comment"] else "'"
        elif text in ("{", "${"):
            nested.append("{")
            fill = "" if text == "{" else fill
        elif text == "}" and nested:
            nested.pop()
        elif text == "`":
            nested.pop() if inside else nested.append("`")
            fill = "'"
        blanked.append("'{" if text == "${" else _filled(text, fill))
        at += len(text)
    return "".join(blanked)


def _filled(text: str, fill: str) -> str:
    return re.sub(r"[^\n]", fill, text) if fill else text


def _top_level(code: str) -> str:
    """Blank all that is inside brackets."""
    kept: list[str] = []
    depth = at = 0
    for bracket in re.finditer(r"[()\[\]{}]", code):
        before = code[at : bracket.start()]
        kept.append(_filled(before, " ") if depth else before)
        depth -= bracket[0] in ")]}"
        kept.append(" " if depth else bracket[0])
        depth += bracket[0] in "([{"
        at = bracket.end()
    return "".join([*kept, code[at:]])
