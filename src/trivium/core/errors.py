"""Every error the core raises.

CoreError
├── InvalidRequest      what was sent cannot be used; fix it and send again
├── NotAuthenticated    who is calling is not known
├── NotPermitted        who is calling may not do this
├── NotFound            no such thing, or not visible to the caller
├── Conflict            the state does not allow it; a precondition or another writer was first
├── Gone                it existed and has ended
├── LimitExceeded       too much or too large; `retry_after_s` says when it may work
└── UpstreamFailed      something outside this process did not do its part
"""

from collections.abc import Mapping

__all__ = [
    "Conflict",
    "CoreError",
    "Gone",
    "InvalidRequest",
    "LimitExceeded",
    "NotAuthenticated",
    "NotFound",
    "NotPermitted",
    "UpstreamFailed",
]


class CoreError(Exception):
    """A kind of failure that a caller can act on; `code` is stable, `message` for people, never a secret in either."""

    default_code = "error"

    def __init__(self, message: str, *, code: str | None = None, details: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.details: dict[str, object] = dict(details or {})


class InvalidRequest(CoreError):
    """The input breaks a rule; `details` names the place where that is known."""

    default_code = "invalid_request"


class NotAuthenticated(CoreError):
    """No credential, or one that is unknown, revoked or expired."""

    default_code = "not_authenticated"


class NotPermitted(CoreError):
    """A valid caller without the scope, role or agent that this needs."""

    default_code = "not_permitted"


class NotFound(CoreError):
    """`kind` is a glossary word such as "agent"; contracts put their own noun in its place."""

    default_code = "not_found"

    def __init__(self, kind: str, name: str = "", *, message: str | None = None) -> None:
        super().__init__(message or f"No {kind} {name!r}.", details={"kind": kind, "name": name})
        self.kind = kind
        self.name = name


class Conflict(CoreError):
    """`is_precondition` is true when a version the caller named is no longer the current one."""

    default_code = "conflict"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: Mapping[str, object] | None = None,
        is_precondition: bool = False,
    ) -> None:
        super().__init__(message, code=code, details=details)
        self.is_precondition = is_precondition


class Gone(CoreError):
    """Expired or ended; a new one has to be made."""

    default_code = "gone"


class LimitExceeded(CoreError):
    """`retry_after_s` is None when waiting does not help (the input is too large: `is_size`)."""

    default_code = "limit_exceeded"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: Mapping[str, object] | None = None,
        retry_after_s: float | None = None,
        is_size: bool = False,
    ) -> None:
        super().__init__(message, code=code, details=details)
        self.retry_after_s = retry_after_s
        self.is_size = is_size


class UpstreamFailed(CoreError):
    """A model, tool server or callback failed; `is_retryable` says whether trying again can help."""

    default_code = "upstream_failed"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: Mapping[str, object] | None = None,
        is_retryable: bool = False,
        is_timeout: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, code=code, details=details)
        self.is_retryable = is_retryable
        self.is_timeout = is_timeout
        self.retry_after_s = retry_after_s
