"""Sizes, names and other things of form that a reader should be able to rely on."""

import ast
import io
import re
import tokenize
from importlib.metadata import version

import trivium
import trivium_client
from tests.repository import ROOT, Module, modules, tracked_files

MODULE_LINES_MAX = 600
FUNCTION_LINES_MAX = 80
POSITIONAL_PARAMETERS_MAX = 4
NAMES_THAT_SAY_NOTHING = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}
# Written in pieces, so that this file does not find itself.
MACHINE_PATHS = re.compile("|".join(["/wo" + "rk/", "/ro" + "ot/", "/ho" + r"me/[a-z]", "/tm" + r"p/[a-z]"]))
INDEX_HOSTS = re.compile(
    "|".join(
        [
            "py" + r"pi\.org",
            "python" + r"hosted\.org",
            "npm" + r"js\.(org|com)",
            "--(extra-)?index-" + "url",
        ]
    )
)
TODO = re.compile(r"\b(TODO|FIXME|XXX)\b(?!\(#\d+\):)")

OURS = modules("src", "tests", "tools", "bench")
SOURCE = modules("src")


def test_modules_are_short_enough_to_read() -> None:
    # A migration is a record of what a schema was; it is not read as a module.
    read = [module for module in OURS if "/migrations/versions/" not in module.name]
    long = [module.name for module in read if len(module.source.splitlines()) > MODULE_LINES_MAX]
    assert not long, "\n".join(long)


def test_modules_say_what_they_are_for() -> None:
    silent = [module.name for module in OURS if not ast.get_docstring(module.tree)]
    assert not silent, "the first line of a module says what it is for:\n" + "\n".join(silent)


def test_functions_fit_on_a_screen() -> None:
    long = [
        f"{module.name}:{function.lineno} {function.name}: {lines} lines"
        for module in OURS
        for function in _functions(module)
        if (lines := (function.end_lineno or function.lineno) - function.lineno + 1) > FUNCTION_LINES_MAX
    ]
    assert not long, "\n".join(long)


def test_functions_take_few_positional_parameters() -> None:
    many = [
        f"{module.name}:{function.lineno} {function.name}"
        for module in SOURCE
        for function in _functions(module)
        if len(_positional(function)) > POSITIONAL_PARAMETERS_MAX
    ]
    assert not many, "keyword-only, or a dataclass that wants a name:\n" + "\n".join(many)


def test_modules_are_named_after_their_content() -> None:
    empty = [
        module.name
        for module in SOURCE
        if {part.strip("_") for part in module.path.relative_to(ROOT).with_suffix("").parts} & NAMES_THAT_SAY_NOTHING
    ]
    assert not empty, "\n".join(empty)


def test_exports_exist() -> None:
    """That they are sorted is ruff's to say (RUF022)."""
    missing = [
        f"{module.name}: {name}"
        for module in SOURCE
        for name in set(_exported(module)) - {name for node in module.tree.body for name in _defined(node)}
    ]
    assert not missing, "\n".join(missing)


def test_open_ends_have_an_issue() -> None:
    found = [
        f"{module.name}:{token.start[0]}: {token.string}"
        for module in OURS
        for token in tokenize.generate_tokens(io.StringIO(module.source).readline)
        if token.type == tokenize.COMMENT and TODO.search(token.string)
    ]
    assert not found, "\n".join(found)


def test_core_tests_mirror_the_core() -> None:
    missing = [
        module.name
        for module in modules("tests/core")
        if module.path.name.startswith("test_") and not _has_subject(module)
    ]
    assert not missing, "no module of the core with this name:\n" + "\n".join(missing)


def test_changelog_tells_of_the_packaged_version() -> None:
    newest = re.search(r"^## \[(\d\S*)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == trivium.__version__ == trivium_client.__version__
    assert version("trivium") == trivium.__version__


def test_tracked_files_name_no_machine_and_no_package_index() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in tracked_files()
        for number, line in enumerate(path.read_text("utf-8", errors="ignore").splitlines(), 1)
        if MACHINE_PATHS.search(line) or INDEX_HOSTS.search(line)
    ]
    assert not found, "\n".join(found)


def _functions(module: Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def _positional(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    names = [argument.arg for argument in [*function.args.posonlyargs, *function.args.args]]
    return names[1:] if names and names[0] in {"self", "cls"} else names


def _exported(module: Module) -> list[str]:
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and "__all__" in _defined(node):
            return list(ast.literal_eval(node.value))
    return []


def _defined(node: ast.stmt) -> list[str]:
    """Return the names that a statement at the top of a module gives."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Import() | ast.ImportFrom():
            return [alias.asname or alias.name for alias in node.names]
        case ast.Assign():
            return [target.id for target in node.targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.If() | ast.Try():
            return [name for inner in node.body for name in _defined(inner)]
        case _:
            return []


def _has_subject(module: Module) -> bool:
    """Return whether tests/core/x/test_name.py has its src/trivium/core/x/name.py or .../name/."""
    below = module.path.relative_to(ROOT / "tests/core")
    stem = below.stem.removeprefix("test_")
    folder = ROOT / "src/trivium/core" / below.parent
    candidates = [stem, *(stem[:at] for at, letter in enumerate(stem) if letter == "_")]
    return any((folder / f"{name}.py").exists() or (folder / name).is_dir() for name in candidates)
