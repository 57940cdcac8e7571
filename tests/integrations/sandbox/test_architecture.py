"""The sandbox knows nothing of what it tests, and costs no Django."""

from __future__ import annotations

import pytest

from tests.test_architecture import IMPURE_ROOTS, ROOT, imports_of, module_of, reached

# The door by which granian comes in reads Django's settings, and nothing else of it.
DOOR = ROOT / "integrations/sandbox/wsgi.py"
MODULES = sorted(path for path in (ROOT / "integrations/sandbox").rglob("*.py") if path != DOOR)
TESTED = ("integrations.providers", "integrations.http", "integrations.oauth", "integrations.base", "activities")


@pytest.mark.parametrize("path", MODULES, ids=module_of)
def test_sandbox_imports_nothing_that_it_tests_and_no_framework(path):
    names = reached(path)

    assert [name for name in names if f"{name}.".startswith(tuple(f"{it}." for it in TESTED))] == []
    assert {name.split(".")[0] for name in names} & (IMPURE_ROOTS | {"httpx", "authlib"}) == set()


def test_door_reads_settings_only():
    own = {"integrations", "integrations.sandbox", "integrations.sandbox.app", "integrations.sandbox.app.Sandbox"}
    assert imports_of(DOOR) - own == {"os", "django.conf", "django.core.exceptions"}


def test_sandbox_is_seen_through_its_modules():
    """What the test above stands on: the application reaches the demo's stories."""
    assert "trainstack.demo.plan" in reached(ROOT / "integrations/sandbox/app.py")


def test_provider_modules_import_the_interface_only():
    own = {"integrations.sandbox.base", "integrations.sandbox.stories"}
    wrong = {
        (module_of(path), name)
        for path in (ROOT / "integrations/sandbox/providers").glob("[a-z]*.py")
        for name in imports_of(path)
        if name.startswith(("integrations.", "trainstack.")) and name not in own
        and not name.startswith("integrations.sandbox.providers")
    }  # fmt: skip
    assert wrong == set()
