"""The import rules hold, and the core speaks only the words of the glossary."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator

import pytest
from importlinter.cli import lint_imports

from tests.repository import ROOT, Module, modules

FOREIGN_WORDS = {"chatbot", "session", "thread", "chain", "flow", "contact", "label"}
CONTRACT_NAMES = {"wabee", "wisebot", "wisebotai", "wizchat"}
VENDOR_NAMES = set(
    """
    agno anthropic azure bedrock claude cohere deepseek fastapi gemini gpt groq langchain
    litellm llama mistral ollama openai openrouter pgvector postgres postgresql
    procrastinate psycopg pydantic sqlalchemy sqlite starlette stripe telegram twilio
    uvicorn vertex whatsapp
    """.split()
)
# The standard library and anyio speak of operating-system threads; that is not a conversation.
THREAD_API = {"from_thread", "thread_local", "threading", "to_thread"}
CAMEL_CASE = re.compile(r"_*[a-z][a-z0-9]*[A-Z]\w*")
CAMEL_CASE_OF_OTHERS = {"getLogger", "isEnabledFor", "setLevel"}

CORE = modules("src/trivium/core")


def test_import_rules_hold(capsys: pytest.CaptureFixture[str]) -> None:
    status = lint_imports(cache_dir=None)
    assert status == 0, capsys.readouterr().out


def test_import_rules_know_no_exception() -> None:
    assert "ignore_imports" not in (ROOT / ".importlinter").read_text("utf-8")


def test_core_uses_no_foreign_word() -> None:
    found = [
        f"{module.name}:{line}: {word}"
        for module in CORE
        for line, text in _names_and_data(module)
        for word in _words(text) & (FOREIGN_WORDS | VENDOR_NAMES)
    ] + [
        f"{module.name}:{line}: {word}"
        for module in CORE
        for line, text in _prose(module)
        for word in _words(text) & ((FOREIGN_WORDS - {"thread"}) | VENDOR_NAMES)
    ]
    assert not found, "\n".join(found)


def test_core_names_no_contract_except_as_plain_data() -> None:
    """A key is of one contract's kind, so the name may stand as a whole string and nowhere else."""
    found = [
        f"{module.name}:{line}: {text}"
        for module in CORE
        for line, text in [*_names_and_data(module), *_prose(module)]
        if text not in CONTRACT_NAMES and _words(text) & CONTRACT_NAMES
    ]
    assert not found, "\n".join(found)
    names = {node.id for module in CORE for node in ast.walk(module.tree) if isinstance(node, ast.Name)}
    assert not names & CONTRACT_NAMES


def test_core_has_no_camel_case() -> None:
    found = [
        f"{module.name}:{line}: {text}"
        for module in CORE
        for line, text in _names_and_data(module)
        if CAMEL_CASE.fullmatch(text) and text not in CAMEL_CASE_OF_OTHERS
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("session_id", {"session", "id"}),
        ("ChatbotSessions", {"chatbot", "session"}),
        ("workflow", {"workflow"}),
        ("to_thread", set()),
    ],
)
def test_words_are_told_apart(text: str, words: set[str]) -> None:
    assert _words(text) == words


def _names_and_data(module: Module) -> Iterator[tuple[int, str]]:
    """Yield identifiers and those strings that are data rather than sentences."""
    docstrings = _docstring_lines(module)
    for token in tokenize.generate_tokens(io.StringIO(module.source).readline):
        line = token.start[0]
        if token.type == tokenize.NAME:
            yield line, token.string
        elif token.type == tokenize.STRING and line not in docstrings:
            yield line, token.string.lstrip("rbfuRBFU").strip("\"'")


def _prose(module: Module) -> Iterator[tuple[int, str]]:
    """Yield comments and docstrings."""
    docstrings = _docstring_lines(module)
    for token in tokenize.generate_tokens(io.StringIO(module.source).readline):
        if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and token.start[0] in docstrings):
            yield token.start[0], token.string


def _docstring_lines(module: Module) -> set[int]:
    """Return where strings stand as statements of their own."""
    return {
        node.value.lineno
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }


def _words(text: str) -> set[str]:
    """Split snake_case, CamelCase and prose into lower-case words in the singular."""
    kept = re.sub("|".join(sorted(THREAD_API)), " ", text)
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", kept)
    known = FOREIGN_WORDS | VENDOR_NAMES | CONTRACT_NAMES
    singular = (word.lower() for word in words)
    return {word[:-1] if word.endswith("s") and word[:-1] in known else word for word in singular}
