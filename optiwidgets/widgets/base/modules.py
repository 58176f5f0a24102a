"""Joining of JavaScript modules that import each other to one module.

A notebook loads a widget from a single module, in which relative imports cannot be resolved. The
files on disk keep their imports for node and tsc; the module that is served has none. Files are
formatted by prettier (``make lint`` checks it), so a statement of the top level, and nothing else
but text of a template, starts in the first column.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

NAMES = r"\s*[\w$]+(?:,\s*[\w$]+)*,?\s*"
IMPORT = re.compile(rf"^import \{{{NAMES}\}} from \"(\.{{1,2}}/[^\"]+)\";\n", re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?function\b|class |const |let )", re.MULTILINE)
DEFAULT = re.compile(r"^export default \{", re.MULTILINE)
OTHER = re.compile(r"^(?:import\b|export\b(?! default \{)).*", re.MULTILINE)
DECLARED = re.compile(  # `const a = 1,\n  b` declares both
    r"^(?:async )?(?:function\*? ?|class |const |let |var )((?:[\w$]+(?: = .*)?,\n  )*[\w$]+)",
    re.MULTILINE,
)
DESTRUCTURED = re.compile(r"^(?:const|let|var) [\[{].*", re.MULTILINE)


@dataclass(frozen=True)
class Module:
    """One file: the files it imports, names of its top level, its text without these lines."""

    imports: tuple[str, ...]
    declared: tuple[str, ...]
    has_default: bool
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
        root, or use another form of import or export than `import { a, b } from "./file.js";`,
        `export` before a declaration and, in the entry alone, `export default {`.
    """
    root, entry = root.resolve(), entry.resolve()
    modules = load_all([entry], root)
    for path, module in modules.items():
        if module.has_default != (path == entry):
            needs = "has no" if path == entry else "is imported and has an"
            raise ValueError(f"{_name(path, root)} {needs} 'export default {{ ... }};'")
    _check_names({_name(path, root): module.declared for path, module in modules.items()})
    return "\n".join(module.body for module in modules.values())


def load_all(entries: Sequence[Path], root: Path) -> dict[Path, Module]:
    """Read files and all that they import, in the order of their imports: each after what it needs.

    Raises
    ------
    FileNotFoundError, ValueError
        A file is missing, outside the root or of another form, or files import each other.
    """
    modules: dict[Path, Module] = {}
    waiting = [entry.resolve() for entry in entries]
    importers = dict.fromkeys(waiting, "")
    for path in waiting:  # grows
        module = modules[path] = _load(path, root, importers[path])
        for target in _targets(path, module):
            if target not in importers:
                importers[target] = f", imported by {_name(path, root)}"
                waiting.append(target)
    return {path: modules[path] for path in _sorted(modules, root)}


def parse(source: str, name: str) -> Module:
    r"""Read imports, exports and top-level names of a module.

    Examples
    --------
    >>> parse('import { a } from "./b.js";\nexport const c = a;\n', "file.js")
    Module(imports=('./b.js',), declared=('c',), has_default=False, body='const c = a;\n')
    """
    body = EXPORT.sub("", IMPORT.sub("", source))
    if other := OTHER.search(body):
        raise ValueError(
            f"{name}: {other[0]!r} is none of 'import {{ a }} from \"./file.js\";', "
            "'export' before a declaration, and 'export default {'"
        )
    if found := DESTRUCTURED.search(body):
        raise ValueError(f"{name}: declare names of the top level one by one, not {found[0]!r}")
    defaults = len(DEFAULT.findall(body))
    if defaults > 1:
        raise ValueError(f"{name} has {defaults} default exports")
    declared = "\n".join(DECLARED.findall(body))
    names = re.findall(r"^ *([\w$]+)", declared, re.MULTILINE)
    return Module(tuple(IMPORT.findall(source)), tuple(names), bool(defaults), body)


def _targets(path: Path, module: Module) -> list[Path]:
    return [(path.parent / target).resolve() for target in module.imports]


def _sorted(modules: dict[Path, Module], root: Path) -> list[Path]:
    """Order modules by their imports: each after all that it imports."""
    graph = {path: _targets(path, module) for path, module in modules.items()}
    try:
        return [*TopologicalSorter(graph).static_order()]
    except CycleError as error:
        circle = " -> ".join(_name(path, root) for path in reversed(error.args[1]))
        raise ValueError(f"modules import each other in a circle: {circle}") from error


def _check_names(declared: dict[str, tuple[str, ...]]) -> None:
    owners: dict[str, str] = {}
    for file, names in declared.items():
        for name in names:
            if owners.setdefault(name, file) != file:
                raise ValueError(f"{owners[name]} and {file} both declare {name!r}")


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _load(path: Path, root: Path, by: str) -> Module:
    if not path.is_relative_to(root):
        raise ValueError(f"{path}{by}, is outside of {root}")
    if not path.is_file():
        raise FileNotFoundError(f"no module {path}{by}")
    return parse(path.read_text(encoding="utf-8"), _name(path, root))
