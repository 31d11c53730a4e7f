# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of docs/architecture.md that can be read off the source. Each is also shown to find what it forbids."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PLUGINS = CHECKOUT / "plugins"
MODULE_UTILS = PLUGINS / "module_utils"
PACKAGE = "ansible_collections.meshwork.swarm.plugins.module_utils"

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
CODE_FOLDERS = (".ci", "molecule", "playbooks", "plugins", "roles", "tests")
HEADER = (
    "# Copyright: (c) 2026, the meshwork.swarm contributors",
    "# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)",
    "# SPDX-License-Identifier: GPL-3.0-or-later",
)

Rule = Callable[[str], Iterator[str]]


def pure_imports_only(source: str) -> Iterator[str]:
    """``_model`` and ``_plan`` import the standard library and each other."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            # from _model/x.py or _plan/x.py: one dot is its own folder, two are module_utils
            names = [f"{PACKAGE}._model"] if node.level == 1 else [f"{PACKAGE}.{node.module}" if node.level == 2 else "."]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        for name in names:
            pure = name.startswith((f"{PACKAGE}._model", f"{PACKAGE}._plan"))
            if not pure and name.split(".")[0] not in sys.stdlib_module_names:
                yield f"line {node.lineno}: imports {name}"


def allowed_imports(table: str) -> dict[str, set[str]]:
    """What each package of module_utils may import, from the table of docs/architecture.md: its last column names packages and files."""
    rows = re.findall(r"^\| `plugins/module_utils/(_\w+)/` \|.*\|([^|]*)\|$", table, re.MULTILINE)
    return {package: set(re.findall(r"_[a-z]+(?=[/.`])", allowed)) for package, allowed in rows}


def imported_packages(source: str) -> set[str]:
    """The packages of module_utils that a file in one of them imports, but for its own."""
    nodes = ast.walk(ast.parse(source))
    return {(node.module or "").split(".")[0] for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 2}


def no_module_exit(source: str) -> Iterator[str]:
    """Only ``_run.py`` ends a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in ("exit_json", "fail_json"):
            yield f"line {node.lineno}: uses {node.attr}"


def no_assert(source: str) -> Iterator[str]:
    """``python -O`` drops asserts; a check that matters raises."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert):
            yield f"line {node.lineno}: assert"


def no_blind_except(source: str) -> Iterator[str]:
    """A handler names the errors that it can answer."""
    blind = {"Exception", "BaseException"}
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        for error in caught:
            if error is None:
                yield f"line {node.lineno}: bare except"
            elif isinstance(error, ast.Name) and error.id in blind:
                yield f"line {node.lineno}: except {error.id}"


def no_wait_without_deadline(source: str) -> Iterator[str]:
    """Only ``_run.py`` sleeps, until a deadline; other loops end by themselves, and programs have their time."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr == "sleep":
            yield f"line {node.lineno}: sleeps"
        elif isinstance(node, ast.ImportFrom) and node.module in ("time", "asyncio") and any(alias.name == "sleep" for alias in node.names):
            yield f"line {node.lineno}: imports sleep"
        elif isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and node.test.value and not _ends(node):
            yield f"line {node.lineno}: a loop that does not end"
        elif isinstance(node, ast.Call) and _runs_program(node.func) and not any(keyword.arg == "timeout" for keyword in node.keywords):
            yield f"line {node.lineno}: a program without a timeout"


def _ends(loop: ast.While) -> bool:
    return any(isinstance(node, (ast.Return, ast.Raise, ast.Break)) for node in ast.walk(loop))


def _runs_program(function: ast.expr) -> bool:
    known = ("run", "call", "check_call", "check_output")
    return isinstance(function, ast.Attribute) and function.attr in known and ast.unparse(function.value) == "subprocess"


def short_file(source: str) -> Iterator[str]:
    """The documentation of a module's options is as long as there are options, and does not count."""
    lines = len(source.splitlines()) - sum(documentation_lines(node) for node in ast.walk(ast.parse(source)))
    if lines > MAX_FILE_LINES:
        yield f"{lines} lines, at most {MAX_FILE_LINES}"


def documentation_lines(node: ast.AST) -> int:
    """How many lines a module's DOCUMENTATION, EXAMPLES or RETURN has; other statements have none."""
    if not isinstance(node, ast.Assign):
        return 0
    names = {target.id for target in node.targets if isinstance(target, ast.Name)}
    return (node.end_lineno or node.lineno) - node.lineno + 1 if names & {"DOCUMENTATION", "EXAMPLES", "RETURN"} else 0


def short_functions(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno is not None:
            lines = node.end_lineno - node.lineno + 1
            if lines > MAX_FUNCTION_LINES:
                yield f"line {node.lineno}: {node.name} has {lines} lines, at most {MAX_FUNCTION_LINES}"


def licence_header(source: str) -> Iterator[str]:
    """The first lines are the header; a ``#!`` line may stand before it."""
    lines = source.splitlines()
    if lines and lines[0].startswith("#!"):
        del lines[0]
    if tuple(lines[: len(HEADER)]) != HEADER:
        yield "no licence header in the first lines"


def python_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def is_code(path: Path) -> bool:
    if path.suffix in (".py", ".sh"):
        return True
    if path.suffix or not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(2) == b"#!"


def code_files() -> list[Path]:
    found = [path for name in CODE_FOLDERS for path in (CHECKOUT / name).rglob("*") if is_code(path)]
    return sorted(path for path in found if "output" not in path.relative_to(CHECKOUT).parts)


def broken(rule: Rule, paths: list[Path]) -> list[str]:
    found = []
    for path in paths:
        source = path.read_text(encoding="utf-8")
        found += [f"{path.relative_to(CHECKOUT)}: {problem}" for problem in rule(source)]
    return found


PURE = [*python_files(MODULE_UTILS / "_model"), *python_files(MODULE_UTILS / "_plan")]
ALL_PLUGINS = python_files(PLUGINS)
ENDING_ELSEWHERE = [path for path in ALL_PLUGINS if path != MODULE_UTILS / "_run.py"]


@pytest.mark.parametrize(
    ("rule", "paths"),
    [
        (pure_imports_only, PURE),
        (no_module_exit, ENDING_ELSEWHERE),
        (no_assert, ALL_PLUGINS),
        (no_blind_except, ALL_PLUGINS),
        (no_wait_without_deadline, ENDING_ELSEWHERE),
        (short_file, ALL_PLUGINS),
        (short_functions, ALL_PLUGINS),
        (licence_header, code_files()),
    ],
    ids=lambda value: value.__name__ if callable(value) else "files",
)
def test_source_keeps_rule(rule: Rule, paths: list[Path]) -> None:
    assert broken(rule, paths) == []


def test_packages_import_what_the_table_says() -> None:
    allowed = allowed_imports((CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8"))
    packages = {path.parent.name for path in MODULE_UTILS.glob("_*/__init__.py")}
    assert set(allowed) == packages
    found = {
        (name, other) for name in packages for path in python_files(MODULE_UTILS / name) for other in imported_packages(path.read_text())
    }
    assert {f"{name} imports {other}" for name, other in found if other not in allowed[name]} == set()


def test_the_table_is_read() -> None:
    table = "| folder | holds | may import |\n| `plugins/module_utils/_a/` | x | `_b`, `_c/one.py`, `_run.py`, pyroute2 |\n"
    assert allowed_imports(table) == {"_a": {"_b", "_c", "_run"}}
    assert imported_packages("from .._b.one import x\nfrom .own import y\nfrom .._run import z\nimport json\n") == {"_b", "_run"}


LONG_FUNCTION = "def long():\n" + "    x = 1\n" * MAX_FUNCTION_LINES

FORBIDDEN = [
    (pure_imports_only, "import docker\n"),
    (pure_imports_only, "from ansible.module_utils.basic import AnsibleModule\n"),
    (pure_imports_only, f"from {PACKAGE}._engine.client import Engine\n"),
    (pure_imports_only, f"import json, {PACKAGE}._kernel.links\n"),
    (pure_imports_only, "def late():\n    import pyroute2\n"),
    (pure_imports_only, "from .._engine import client\n"),
    (pure_imports_only, "from ..._model import table\n"),
    (no_module_exit, "module.fail_json(msg='x')\n"),
    (no_module_exit, "stop = module.exit_json\nstop(changed=False)\n"),
    (no_assert, "def f(x):\n    assert x\n"),
    (no_blind_except, "try:\n    f()\nexcept:\n    g()\n"),
    (no_blind_except, "try:\n    f()\nexcept Exception as error:\n    g(error)\n"),
    (no_blind_except, "try:\n    f()\nexcept (OSError, BaseException):\n    g()\n"),
    (no_wait_without_deadline, "import time\ntime.sleep(1)\n"),
    (no_wait_without_deadline, "from time import monotonic, sleep\n"),
    (no_wait_without_deadline, "while True:\n    f()\n"),
    (no_wait_without_deadline, "while 1:\n    f()\n"),
    (no_wait_without_deadline, "subprocess.run(['true'], check=True)\n"),
    (short_file, "x = 1\n" * (MAX_FILE_LINES + 1)),
    (short_functions, LONG_FUNCTION),
    (short_functions, "class C:\n    async " + LONG_FUNCTION.replace("\n", "\n    ").rstrip()),
    (licence_header, ""),
    (licence_header, "from __future__ import annotations\n" + "\n".join(HEADER)),
    (licence_header, "#!/usr/bin/python\n" + "\n".join(HEADER[:2])),
]


@pytest.mark.parametrize(("rule", "source"), FORBIDDEN)
def test_rule_finds_what_it_forbids(rule: Rule, source: str) -> None:
    assert len(list(rule(source))) == 1


ALLOWED = [
    (
        pure_imports_only,
        f"import json\nfrom ipaddress import ip_network\nfrom {PACKAGE}._model.network import Network\n",
    ),
    (pure_imports_only, "from .table import Table\nfrom .._model.table import Table\nfrom .._plan import plan\n"),
    (no_module_exit, "runner.finish(plan)\n"),
    (no_assert, "if not x:\n    raise ValueError('x')\n"),
    (no_blind_except, "try:\n    f()\nexcept (OSError, ValueError):\n    g()\n"),
    (no_wait_without_deadline, "while left:\n    left = f()\n"),
    (no_wait_without_deadline, "while True:\n    if f():\n        break\n"),
    (no_wait_without_deadline, "subprocess.run(['true'], check=True, timeout=5)\nmodule.run(x)\n"),
    (short_file, "x = 1\n" * MAX_FILE_LINES),
    (short_functions, "def fits():\n" + "    x = 1\n" * (MAX_FUNCTION_LINES - 1)),
    (licence_header, "\n".join(HEADER)),
    (licence_header, "#!/usr/bin/env bash\n" + "\n".join(HEADER)),
]


@pytest.mark.parametrize(("rule", "source"), ALLOWED)
def test_rule_leaves_what_it_allows(rule: Rule, source: str) -> None:
    assert list(rule(source)) == []


def test_files_under_the_rules_are_found() -> None:
    assert MODULE_UTILS / "_model" / "table.py" in PURE
    assert MODULE_UTILS / "_plan" / "plan.py" in PURE
    assert MODULE_UTILS / "_run.py" in ALL_PLUGINS
    assert Path(__file__).resolve() in code_files()
