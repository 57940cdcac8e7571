"""Pure modules stay pure, imports go one way, and pages bring everything along."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from activities.domain.matching import UNKNOWN_PROVIDER
from integrations.registry import PROVIDERS

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("trainstack", "activities", "integrations", "workouts")

PURE = (
    "trainstack/sports.py",
    "trainstack/units.py",
    "trainstack/serve.py",
    "trainstack/demo/*.py",
    "activities/domain/*.py",
    "activities/formats/**/*.py",
    "workouts/domain/*.py",
    "workouts/exporters/**/*.py",
    "integrations/providers/*/mapping.py",
    "integrations/providers/*/sports.py",
    "integrations/providers/*/metrics.py",
)
# The demo's doors to the rest of the house.
NOT_PURE = {"trainstack/demo/services.py", "trainstack/demo/tasks.py"}
IMPURE_ROOTS = {
    "django", "rest_framework", "allauth", "django_q", "django_htmx", "environ", "csp", "psycopg", "redis", "granian",
}  # fmt: skip

# Each may import what stands before it. The API's router and the settings are the frame around them.
ORDER = ("trainstack.accounts", "activities", "integrations", "workouts")
FRAME = {"trainstack.urls", "trainstack.api_urls", "trainstack.wsgi", "trainstack.settings"}


def pure_modules() -> list[Path]:
    found = {path for pattern in PURE for path in ROOT.glob(pattern)}
    return sorted(path for path in found if str(path.relative_to(ROOT)) not in NOT_PURE)


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def path_of(module: str) -> Path | None:
    """The file of a module of ours."""
    base = ROOT.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Every module that a file imports, names taken from a package told as modules where they are such."""
    found = set()
    for node in _running(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = path.relative_to(ROOT).parts[: -node.level] if node.level else ()
            base = ".".join([*parents, *([node.module] if node.module else [])])
            found.add(base)
            found |= {name for alias in node.names if path_of(name := f"{base}.{alias.name}")}
    return frozenset(found)


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a module, without what stands under `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node
        yield from _running(node)


def reached(path: Path) -> set[str]:
    """Every module that importing a file imports, through modules of ours and the packages around them."""
    seen: set[str] = set()
    queue = [path]
    while queue:
        for module in imports_of(queue.pop()):
            packages = [module.rsplit(".", number)[0] for number in range(1, module.count(".") + 1)]
            for name in (module, *packages):
                if name not in seen:
                    seen.add(name)
                    if inner := path_of(name):
                        queue.append(inner)
    return seen


def sources(*packages: str) -> list[Path]:
    return sorted(
        path for package in packages for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts
    )


@pytest.mark.parametrize("path", pure_modules(), ids=module_of)
def test_pure_module_imports_no_django(path):
    assert sorted({name.split(".")[0] for name in reached(path)} & IMPURE_ROOTS) == []


def test_django_is_seen_through_other_modules():
    """What these tests stand on: the demo's task imports Django by way of two modules of ours."""
    task = ROOT / "trainstack/demo/tasks.py"

    assert not any(name.startswith("django") for name in imports_of(task))
    assert {"django.db", "activities.models"} <= reached(task)


def test_there_are_pure_modules_of_every_kind():
    """A pattern that matches nothing would prove nothing."""
    kinds = {"activities/domain", "activities/formats", "integrations/providers", "trainstack/demo"}
    assert {kind for kind in kinds if any(str(path).startswith(str(ROOT / kind)) for path in pure_modules())} == kinds


def test_apps_import_only_what_stands_to_their_left():
    wrong = []
    for path in sources(*PACKAGES):
        module = module_of(path)
        own = next((number for number, app in enumerate(ORDER) if f"{module}.".startswith(f"{app}.")), None)
        if own is None or ".management." in module:
            continue
        right = ORDER[own + 1 :]
        wrong += [
            f"{module} imports {name}"
            for name in sorted(imports_of(path))
            if any(f"{name}.".startswith(f"{app}.") for app in right)
        ]
    assert wrong == []


def test_nothing_imports_the_frame():
    wrong = [
        f"{module_of(path)} imports {name}"
        for path in sources("activities", "integrations", "workouts", "trainstack/accounts")
        for name in sorted(imports_of(path) & FRAME)
    ]
    assert wrong == []


def test_activities_know_no_provider():
    """But "file", which is nobody's name: a file that does not tell whose it is."""
    wrong = [
        f"{path.relative_to(ROOT)} names {provider}"
        for path in sources("activities")
        if "formats" not in path.parts
        for provider in PROVIDERS.keys() - {UNKNOWN_PROVIDER}
        if re.search(rf"""["']{provider}["']""", path.read_text())
    ]
    assert wrong == []


def test_there_is_one_registry():
    defined = [
        module_of(path)
        for path in sources(*PACKAGES)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict | ast.DictComp)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and target.id == "PROVIDERS"
    ]
    assert defined == ["integrations.registry"]


def provider_folders() -> list[Path]:
    return sorted(path for path in (ROOT / "integrations/providers").iterdir() if path.is_dir() and path.name[0] != "_")


@pytest.mark.parametrize("folder", provider_folders(), ids=lambda folder: folder.name)
def test_provider_folder_keeps_its_layout(folder):
    needed = ["README.md", "__init__.py", "mapping.py", "provider.py", "sports.py"]

    assert folder.name in PROVIDERS
    assert [name for name in needed if not (folder / name).is_file()] == []
    assert (folder / "__init__.py").read_text() == ""
    assert (ROOT / "static/providers" / f"{folder.name}.svg").is_file()


def templates() -> list[Path]:
    return sorted(path for path in (ROOT / "templates").rglob("*") if path.is_file())


def own_static_files() -> list[Path]:
    return sorted(path for path in (ROOT / "static").rglob("*") if path.suffix in (".css", ".js", ".svg"))


INLINE = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>|<style\b|\sstyle=[\"']|\son[a-z]+=[\"']|href=[\"']javascript:", re.I)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<script src=\"{% static 'trainstack.js' %}\" defer></script>", False),
        ("<script>run()</script>", True),
        ('<script type="module">run()</script>', True),
        ("<style>p { color: red }</style>", True),
        ('<p style="color: red">', True),
        ('<button onclick="run()">', True),
        ('<a href="javascript:run()">', True),
        ('<button hx-on="no" data-station="one" class="on">', False),
    ],
)
def test_inline_code_is_told_from_the_rest(text, found):
    assert bool(INLINE.search(text)) == found


@pytest.mark.parametrize("path", templates(), ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_template_has_nothing_inline(path):
    """The pages' policy lets the browser run and paint only what comes as a file of ours."""
    text = re.sub(r"\{%\s*comment\s*%\}.*?\{%\s*endcomment\s*%\}", "", path.read_text(), flags=re.S)

    assert [match.group(0) for match in INLINE.finditer(text)] == []


# Names of XML vocabularies, which nobody fetches.
NAMES = re.compile(r"""xmlns(:\w+)?=["'][^"']+["']|["']http://www\.w3\.org/[^"']*["']""")


@pytest.mark.parametrize("path", [*templates(), *own_static_files()], ids=lambda path: str(path.relative_to(ROOT)))
def test_page_fetches_nothing_from_elsewhere(path):
    text = NAMES.sub("", path.read_text())

    assert re.findall(r"""(?:src|href|action|url|import)\s*[=(:]?\s*["'(]?\s*(?:https?:)?//[\w.-]+""", text) == []
