"""Stock ipywidgets for the hand, small anywidget panels for the eye."""
