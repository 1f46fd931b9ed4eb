"""How a command ends when it cannot do what it was asked: exit codes, and the error that carries one."""

FAILED = 1
USAGE = 2
CONFIGURATION = 3


class StopError(Exception):
    """Ends a command with one line that says what is wrong and one that says what to do."""

    def __init__(self, message: str, *, hint: str = "", status: int = FAILED, code: str = "failed") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.status = status
        self.code = code
