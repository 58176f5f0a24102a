"""Modules and stylesheets that widgets serve are joined from files, and every module is boxed."""

import pytest

from optiwidgets.widgets.base.assets import BASE, load_css, load_esm
from optiwidgets.widgets.panels import cell_images

BOXED = "render: boxed(render) };"
PACKAGE = BASE.parent
WITHOUT_RENDER = {"matrix_canvas", "panel_runtime", "svg", "tooltip"}  # joined before others


@pytest.fixture
def widget(tmp_path):
    """The file of a widget, and a way to put modules beside it."""

    def put(name, source):
        (tmp_path / f"{name}.js").write_text(source)
        return str(tmp_path / "widget.py")

    return put


def test_a_module_beside_the_widget_goes_before_one_in_base(widget):
    file = widget("table", "function render() { mine(); }\nexport default { render };\n")
    assert "mine();" in load_esm(file, "table")
    assert "export default { render: boxed(render) };" in load_esm(file, "feed")  # from base


def test_modules_are_joined_in_order_after_the_runtime(widget):
    file = widget("panel", "export default { render };\n")
    joined = load_esm(file, "svg", "panel")
    parts = [
        joined.index(part) for part in ("const boxed", "function svgElement", "export default")
    ]
    assert parts == sorted(parts)


@pytest.mark.parametrize("load", [load_esm, load_css])
def test_a_missing_file_is_an_error_that_names_it(widget, load):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load(widget("panel", ""), "nowhere")


@pytest.mark.parametrize("ending", ["", "export default {render};", "export { render };"])
def test_a_wrong_ending_is_an_error(widget, ending):
    file = widget("panel", f"function render() {{}}\n{ending}\n")
    with pytest.raises(ValueError, match=r"panel\.js ends with one line 'export default"):
        load_esm(file, "panel")


def test_two_endings_are_an_error(widget):
    file = widget("panel", "export default { render };\n")
    with pytest.raises(ValueError, match="ends with one line"):
        load_esm(file, "panel", "panel")


def test_initialize_stays_beside_a_boxed_render():
    assert cell_images.CellImages._esm.endswith(f"export default {{ initialize, {BOXED}\n")


@pytest.mark.parametrize(
    "module",
    [path for path in sorted(PACKAGE.rglob("*.js")) if path.stem not in WITHOUT_RENDER],
    ids=lambda path: path.stem,
)
def test_every_module_of_a_widget_can_be_boxed(module):
    assert load_esm(str(module), module.stem).count(BOXED) == 1
