"""Settings of the API reference: ``make docs`` writes it into build/docs."""

import optiwidgets

project = "OptiWidgets"
author = "the OptiWidgets developers"
release = version = optiwidgets.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinxarg.ext",
]

# Docstrings are numpydoc's; classes list their members in the order of the source.
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_preprocess_types = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
python_display_short_literal_types = True
python_maximum_signature_line_length = 72
add_module_names = False

html_theme = "furo"
html_title = f"OptiWidgets {release}"
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}
highlight_language = "python"
