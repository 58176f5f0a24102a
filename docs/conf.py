"""Settings of the API reference: ``make docs`` writes it into build/docs."""

import inspect
import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.inspect import stringify_signature
from traitlets import HasTraits

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


def readable_signature(
    _app: Sphinx,
    _what: str,
    _name: str,
    value: object,
    _options: Any,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """Make a signature that Sphinx can parse, of the parameters that a user passes.

    traitlets gives every class ``(*args, **kwargs)`` in place of the parameters of its
    ``__init__``; a dataclass shows defaults made by a factory as ``<factory>``.
    """
    if inspect.isclass(value) and issubclass(value, HasTraits):
        own = inspect.signature(value.__init__)
        own = own.replace(parameters=list(own.parameters.values())[1:], return_annotation=own.empty)
        signature = stringify_signature(own, unqualified_typehints=True)
    return signature and re.sub(r"<[^<>]*>", "...", signature), returns


def setup(app: Sphinx) -> None:
    """Register the hook with Sphinx."""
    app.connect("autodoc-process-signature", readable_signature)
