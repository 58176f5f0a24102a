"""The explorer page: layout and wiring of controls, panels and activities."""
