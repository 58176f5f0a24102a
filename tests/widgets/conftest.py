import pytest

from optiwidgets.widgets.explorer.explorer import Explorer


@pytest.fixture
def explorer(digits):
    return Explorer(digits)


@pytest.fixture
def messages(explorer, monkeypatch):
    """Record the messages to the page, each as the names of its traits."""
    sent = []
    monkeypatch.setattr(
        explorer.feed,
        "send_state",
        lambda key=None: sent.append({key} if isinstance(key, str) else set(key)),
    )
    return sent
