"""The import rules hold, and the core speaks only the words of the glossary."""

from importlinter.cli import lint_imports


def test_import_rules_hold() -> None:
    assert lint_imports() == 0
