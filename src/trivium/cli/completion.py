"""`trivium completion`: what a shell needs to complete commands and options."""

from typing import Literal


def completion(shell: Literal["bash", "zsh", "fish"], /) -> None:
    """Print the completion script of a shell.

    Example: `trivium completion bash > ~/.local/share/bash-completion/completions/trivium`
    """
    from trivium.cli.main import make_app

    print(make_app().generate_completion(shell=shell))
