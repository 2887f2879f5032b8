"""Do the DAG files keep the house's rules? Read as syntax trees: Airflow is not installed here.

That they load and run is seen by `make test-dags`, in Airflow's own environment.
"""

import ast
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from lait.commands import curation, regions, shards, training

DAGS = Path(__file__).resolve().parents[2] / "dags"
FILES = sorted(DAGS.glob("lait_*.py"))
DAG_FILES = [file for file in FILES if file.name != "lait_command.py"]


def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
    return found


def calls_of(tree: ast.AST, name: str) -> list[ast.Call]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == name]


def dag_options(file: Path) -> dict[str, ast.expr]:
    (decorator,) = calls_of(tree_of(file), "dag")
    return {keyword.arg: keyword.value for keyword in decorator.keywords if keyword.arg}


def test_both_dags_are_here() -> None:
    assert [file.name for file in DAG_FILES] == ["lait_curate.py", "lait_pretrain.py"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_dag_imports_airflow_sdk_and_the_standard_library(file: Path) -> None:
    house = {"airflow.sdk", "lait_command"} if file in DAG_FILES else set()
    others = imported(tree_of(file)) - house
    assert {name.partition(".")[0] for name in others} <= sys.stdlib_module_names


@pytest.mark.parametrize("file", DAG_FILES, ids=lambda file: file.name)
def test_nothing_runs_at_import(file: Path) -> None:
    *body, last = tree_of(file).body
    assert isinstance(last, ast.Expr)
    assert ast.unparse(last) == f"{file.stem}()"
    for node in body:
        if isinstance(node, ast.Assign):
            assert ast.unparse(node) == "log = logging.getLogger(__name__)"
        else:
            allowed = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.Expr
            assert isinstance(node, allowed), ast.unparse(node)
            assert not isinstance(node, ast.Expr) or isinstance(node.value, ast.Constant)


@pytest.mark.parametrize("file", DAG_FILES, ids=lambda file: file.name)
def test_the_only_program_is_lait(file: Path) -> None:
    tree = tree_of(file)
    assert calls_of(tree, "lait")
    reached = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert not reached & {"subprocess", "os", "exec", "eval", "open", "__import__"}
    assert not imported(tree) & {"subprocess", "os", "shutil", "importlib"}
    assert "Operator" not in file.read_text()


def test_one_place_starts_processes_and_never_a_shell() -> None:
    source = (DAGS / "lait_command.py").read_text()
    runs = [line for line in source.splitlines() if "subprocess.run" in line]
    assert len(runs) == 1
    assert "shell" not in re.sub(r"#.*|\"\"\".*?\"\"\"", "", source, flags=re.DOTALL)


@pytest.mark.parametrize("file", DAG_FILES, ids=lambda file: file.name)
def test_runs_do_not_overlap_and_are_retried_with_backoff(file: Path) -> None:
    options = dag_options(file)
    assert ast.literal_eval(options["catchup"]) is False
    assert ast.literal_eval(options["max_active_runs"]) == 1
    given = options["default_args"]
    assert isinstance(given, ast.Dict)
    defaults = {
        ast.literal_eval(key): value
        for key, value in zip(given.keys, given.values, strict=True)
        if key is not None
    }
    assert ast.literal_eval(defaults["retries"]) >= 2
    assert ast.literal_eval(defaults["retry_exponential_backoff"]) > 1
    refuse = "ExceptionRetryPolicy([RetryRule(ValueError, RetryAction.FAIL)])"
    assert ast.unparse(defaults["retry_policy"]) == refuse


def test_assets_lead_from_raw_to_shards_to_model() -> None:
    found = {}
    for file in DAG_FILES:
        outlets = [
            ast.unparse(keyword.value)
            for node in ast.walk(tree_of(file))
            if isinstance(node, ast.Call)
            for keyword in node.keywords
            if keyword.arg == "outlets"
        ]
        found[file.stem] = (ast.unparse(dag_options(file)["schedule"]), outlets)
    assert found == {
        "lait_curate": ("[Asset(RAW)]", ["[Asset(SHARDS)]"]),
        "lait_pretrain": ("[Asset(SHARDS)]", ["[Asset(MODEL)]"]),
    }


@pytest.mark.parametrize("file", DAG_FILES, ids=lambda file: file.name)
def test_every_param_has_a_schema(file: Path) -> None:
    params = calls_of(dag_options(file)["params"], "Param")
    assert len(params) >= 4
    for param in params:
        keywords = {keyword.arg: keyword.value for keyword in param.keywords}
        assert {"type", "enum"} & keywords.keys(), ast.unparse(param)
        if "string" in ast.unparse(keywords.get("type", ast.Constant(""))):
            # A value that starts with a dash would reach lait as an option.
            assert ast.literal_eval(keywords["pattern"]) == "^[^-]"


def commands() -> dict[str, Any]:
    """The commands of `lait` as they really are, by name."""
    app = typer.Typer()
    for group in (curation, shards, regions, training):
        group.register(app)
    found: dict[str, Any] = vars(typer.main.get_command(app))["commands"]
    return found


def options_of(command: Any) -> dict[str, bool]:
    """Long options of a command, and whether each is required."""
    found = [param for param in command.params if param.param_type_name == "option"]
    return {name: param.required for param in found for name in param.opts}


@pytest.mark.parametrize("file", DAG_FILES, ids=lambda file: file.name)
def test_every_option_is_one_that_lait_has(file: Path) -> None:
    functions = [node for node in ast.walk(tree_of(file)) if isinstance(node, ast.FunctionDef)]
    for function in functions:
        calls = calls_of(function, "lait")
        if len(calls) != 1 or function.name == file.stem:
            continue
        known = options_of(commands()[ast.literal_eval(calls[0].args[0])])
        used = {
            node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Constant) and str(node.value).startswith("--")
        }
        assert used
        assert used <= known.keys(), function.name
        assert {name for name, required in known.items() if required} <= used, function.name
