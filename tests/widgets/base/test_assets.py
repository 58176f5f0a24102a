"""Every widget serves one module, joined from its file and the files that it imports."""

import re

import pytest

from optiwidgets.widgets.base.assets import WIDGETS, load_css, load_esm
from optiwidgets.widgets.panels import cell_images, report_panels

BOXED = "render: boxed(render) };"


@pytest.mark.parametrize("load", [load_esm, load_css])
def test_a_missing_file_is_an_error_that_names_it(load):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load(__file__.replace("tests", "optiwidgets"), "nowhere")


def test_a_module_outside_of_the_widgets_is_an_error(tmp_path):
    (tmp_path / "panel.js").write_text("export default { render };\n")
    with pytest.raises(ValueError, match=r"panel\.js, is outside of .*widgets"):
        load_esm(str(tmp_path / "panel.py"), "panel")


def test_initialize_stays_beside_a_boxed_render():
    assert cell_images.CellImages._esm.endswith(f"export default {{ initialize, {BOXED}\n")


def test_a_module_of_several_files_holds_each_once():
    esm = report_panels.Matrices._esm
    for name in ("const boxed =", "function matrixCanvas(", "const depth ="):
        assert esm.count(name) == 1
    assert not re.search("^import", esm, re.MULTILINE)


# the others are only imported by these; pages start by their own scripts
WIDGET_MODULES = [
    path
    for path in sorted(WIDGETS.rglob("*.js"))
    if "export default" in path.read_text() and path.parent.name != "pages"
]


@pytest.mark.parametrize("module", WIDGET_MODULES, ids=lambda path: path.stem)
def test_every_widget_is_boxed_in_its_own_source(module):
    assert module.read_text().endswith(BOXED + "\n")
    assert load_esm(str(module), module.stem).count(BOXED) == 1
