import pytest

from optiwidgets import Explorer


@pytest.fixture
def explorer(digits):
    return Explorer(digits)
