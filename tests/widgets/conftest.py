import pytest

from optiwidgets.widgets.explorer.explorer import Explorer


@pytest.fixture
def explorer(digits):
    return Explorer(digits)


@pytest.fixture
def messages(explorer, monkeypatch):
    """What goes to the page, message by message: the names of the traits in it."""
    sent = []
    monkeypatch.setattr(
        explorer.feed,
        "send_state",
        lambda key=None: sent.append({key} if isinstance(key, str) else set(key)),
    )
    return sent
