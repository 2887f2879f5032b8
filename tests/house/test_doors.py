"""Do the doors between the rooms open one way, and does curation stay free of torch?"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("crawl", "filter", "shards", "pretrain", "review", "lait")
MAY_IMPORT = {
    "crawl": {"crawl"},
    "filter": {"crawl", "filter"},
    "shards": {"crawl", "filter", "shards"},
    "pretrain": {"shards", "pretrain"},
    "review": {"filter", "shards", "review"},
    "lait": {"crawl", "filter", "shards", "pretrain", "review", "lait"},
    "dags": set(),
}


def imported_names(source: str) -> set[str]:
    """Dotted names of every module that a source text imports, at any depth."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import: {ast.unparse(node)}"
            names.add(node.module or "")
    return names


def wrong_doors(room: str, source: str) -> set[str]:
    """Modules of the house that a file of `room` may not import."""
    return {
        name
        for name in imported_names(source)
        if name.split(".")[0] in ROOMS and name.split(".")[0] not in MAY_IMPORT[room]
    }


@pytest.mark.parametrize("room", [*ROOMS, "dags"])
def test_doors_open_one_way(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    wrong = {
        str(file.relative_to(ROOT)): names
        for file in files
        if (names := wrong_doors(room, file.read_text(encoding="utf-8")))
    }
    assert not wrong


def test_a_wrong_door_is_noticed() -> None:
    assert wrong_doors("crawl", "from filter.verdict import Drop") == {"filter.verdict"}
    assert wrong_doors("pretrain", "def f():\n    import crawl.page") == {"crawl.page"}


def test_pretrain_never_imports_beam() -> None:
    for file in (ROOT / "pretrain").rglob("*.py"):
        names = imported_names(file.read_text(encoding="utf-8"))
        assert not any(name.startswith("apache_beam") for name in names), file


def test_nobody_imports_the_builtin_away() -> None:
    for file in ROOT.rglob("*.py"):
        if ".venv" not in file.parts[len(ROOT.parts)]:
            names = imported_names(file.read_text(encoding="utf-8"))
            assert "filter" not in names, f"{file}: a bare `import filter` hides the builtin"


def modules_of(*rooms: str) -> list[str]:
    """Importable modules of some rooms, except those that exist to hold torch."""
    names = []
    for room in rooms:
        for file in sorted((ROOT / room).rglob("*.py")):
            name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
            names.append(name.removesuffix(".__init__"))
    return [name for name in names if not name.startswith("filter.relevance.")]


def test_curation_modules_do_not_load_torch() -> None:
    modules = modules_of("crawl", "filter", "shards")
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "assert 'torch' not in sys.modules, 'torch was imported'\n"
        "assert 'ray' not in sys.modules, 'ray was imported'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_command_line_starts_without_the_heavy_rooms() -> None:
    code = (
        "import sys, lait.cli\n"
        "heavy = {'torch', 'ray', 'apache_beam', 'transformers', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_package_is_listed() -> None:
    import tomllib

    listed = set(
        tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"][
            "packages"
        ]
    )
    there = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for room in ROOMS
        for file in (ROOT / room).rglob("__init__.py")
    }
    assert listed == there
