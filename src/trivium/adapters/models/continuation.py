"""Asking a model to go on after text that readers have already seen, and dropping what it repeats of it."""

CONTINUE = (
    "Your answer was interrupted. Continue it exactly where it stops, beginning with the very next character. "
    "Repeat nothing of it, do not apologise and do not mention the interruption."
)
_ECHO_CHARS_MIN = 16


class EchoFilter:
    """Holds text back for as long as it may be a repetition of the prefix, and drops it when it is."""

    __slots__ = ("_held", "_prefix", "is_decided")

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._held = ""
        self.is_decided = not prefix

    def feed(self, text: str) -> str:
        """Return what can be shown now."""
        if self.is_decided:
            return text
        self._held += text
        # Models drop leading white space of what they repeat.
        for prefix in (self._prefix, self._prefix.lstrip()):
            if self._held.startswith(prefix):
                self.is_decided = True
                return self._held[len(prefix) :]
            if prefix.startswith(self._held):
                return ""
        self.is_decided = True
        return self._held

    def end(self) -> str:
        """Return what is still held back; a long piece of the prefix is a repetition and dropped."""
        held, self._held = self._held, ""
        if self.is_decided or len(held) >= min(_ECHO_CHARS_MIN, len(self._prefix)):
            return ""
        return held
