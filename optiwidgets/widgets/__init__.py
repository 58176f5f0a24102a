"""Stock ipywidgets as controls, small anywidget panels as displays."""
