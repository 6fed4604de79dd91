"""A stand-in that counts calls and names a manager, as the real module does after the first."""

from types import SimpleNamespace

MANAGER = "https://widgets.example/manager.js"
calls = 0
_widgets = SimpleNamespace(_installed_url=None)


def enable_custom_widget_manager():
    global calls
    calls += 1
    _widgets._installed_url = MANAGER
