"""What the documentation says is so."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from integrations.documentation import providers_markdown
from trainstack.demo.services import PASSWORD, PEOPLE

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def settings_read() -> set[str]:
    """The names that `trainstack/settings.py` asks the environment for."""
    tree = ast.parse((ROOT / "trainstack/settings.py").read_text())
    return {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "env"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }


def settings_told() -> list[str]:
    """The names in the table of operating.md."""
    section = (ROOT / "docs/operating.md").read_text().split("\n## ")[1]
    return re.findall(r"^\| `([A-Z0-9_]+)` \|", section, flags=re.M)


def test_every_setting_is_told_once():
    assert sorted(settings_told()) == sorted(settings_read())


def test_settings_are_read_in_one_place():
    elsewhere = [
        str(path.relative_to(ROOT))
        for package in ("trainstack", "activities", "integrations", "workouts")
        for path in (ROOT / package).rglob("*.py")
        if path.name != "settings.py" and re.search(r"os\.(environ\[|environ\.get|getenv)", path.read_text())
    ]
    assert elsewhere == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    commands = {path.stem for path in ROOT.glob("**/management/commands/*.py") if ".venv" not in path.parts}
    commands |= {"migrate", "collectstatic", "createsuperuser", "qcluster"}
    text = page.read_text()

    assert set(re.findall(r"`?\bmake ([a-z-]+)(?=[` \n])", "\n".join(code_of(text)))) - targets == set()
    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) - commands == set()


def code_of(text: str) -> list[str]:
    """What stands in fences and backticks."""
    return re.findall(r"```.*?```", text, flags=re.S) + re.findall(r"`[^`\n]+`", text)


def test_providers_are_documented_as_they_declare_themselves():
    """`manage.py provider_docs` writes the page."""
    assert (ROOT / "docs/providers.md").read_text() == providers_markdown()


def test_readme_has_the_log_ins():
    text = (ROOT / "README.md").read_text()

    assert [person.email for person in PEOPLE if f"`{person.email}`" not in text] == []
    assert f"`{PASSWORD}`" in text
