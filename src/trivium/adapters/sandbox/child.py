"""The sandboxed side: runs alone (`python -I -S child.py`), imports nothing of ours, reads one request from stdin.

Order matters: read the request, import what its source asks for (of an allowed list), set the limits, put the seccomp
filter in place, and only then compile and run the customer's code. The filter is a list of what is allowed: memory,
clocks, and reading and writing what is already open, which is two pipes. No call that opens, connects, starts or
inspects anything is on it, so nothing that Python code can reach is able to undo it. Where the filter cannot be put
in place, nothing is run.
"""

import ast
import ctypes
import importlib
import io
import json
import math
import os
import platform
import resource
import signal
import sys

MODULES = {
    "base64": (),
    "binascii": (),
    "bisect": (),
    "calendar": (),
    "collections": ("collections.abc",),
    "csv": (),
    "dataclasses": (),
    "datetime": ("_strptime",),
    "decimal": (),
    "difflib": (),
    "enum": (),
    "fractions": (),
    "functools": (),
    "hashlib": (),
    "heapq": (),
    "hmac": (),
    "html": (),
    "itertools": (),
    "json": (),
    "math": (),
    "operator": (),
    "random": (),
    "re": (),
    "statistics": (),
    "string": (),
    "textwrap": (),
    "time": ("_strptime",),
    "typing": (),
    "unicodedata": (),
    "urllib": ("urllib.parse",),
    "uuid": (),
    "zlib": (),
}
OUTPUT_CHARS_MAX = 64_000
RESULT_CHARS_MAX = 1_000_000

# System call numbers: (audit architecture, the allowed ones).
_MORE_ARM = (98, 113, 115, 94, 278, 293)
_FILTERS = {
    "x86_64": (
        0xC000003E,
        # read write close fstat lseek mmap mprotect munmap brk rt_sig{action,procmask,return} sched_yield mremap
        # madvise nanosleep getpid exit gettimeofday sigaltstack gettid futex clock_{gettime,nanosleep} exit_group
        # getrandom rseq
        (0, 1, 3, 5, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 28, 35, 39, 60, 96, 131, 186, 202, 228, 230, 231, 318, 334),
    ),
    "aarch64": (
        0xC00000B7,
        # The same calls by their numbers there.
        (63, 64, 57, 80, 62, 222, 226, 215, 214, 134, 135, 139, 124, 216, 233, 101, 172, 93, 169, 132, 178, *_MORE_ARM),
    ),
}
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
_SECCOMP_MODE_FILTER = 2
_LOAD_WORD, _JUMP_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _DENY, _KILL = 0x7FFF0000, 0x00050001, 0x80000000  # _DENY: the call returns EPERM


class _Instruction(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_uint16),
        ("jt", ctypes.c_uint8),
        ("jf", ctypes.c_uint8),
        ("k", ctypes.c_uint32),
    ]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction))]


def main() -> None:
    """Read a request, run it, write the answer. Leaves without Python's own clean-up, which needs denied calls."""
    request = json.loads(sys.stdin.buffer.read())
    answer: dict[str, object] = {"value": None, "output": "", "error": None, "refused": None}
    tree = ast.Module([], [])
    try:
        tree = ast.parse(request["source"], filename="<code>")
        _preload(tree)
        answer["refused"] = _shut_off(request["memory_bytes"], request["timeout_s"])
    except SyntaxError as error:
        answer["error"] = f"SyntaxError: {error.msg} (line {error.lineno})"
    except (ValueError, RecursionError, MemoryError) as error:
        answer["error"] = f"{type(error).__name__}: {error}"
    if answer["error"] is None and answer["refused"] is None:
        _run(tree, request["inputs"], answer)
    os.write(1, _encoded(answer))
    os._exit(0)


def _preload(tree: ast.Module) -> None:
    for codec in ("ascii", "latin_1", "utf_8", "utf_16", "idna"):
        importlib.import_module(f"encodings.{codec}")
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module]
        for name in names:
            top = name.partition(".")[0]
            if top in MODULES and (name == top or name in MODULES[top]):
                for module in (top, *MODULES[top]):
                    importlib.import_module(module)


def _shut_off(memory_bytes: int, timeout_s: float) -> str | None:
    """Set limits and filter; return why not, or None once nothing outside can be reached."""
    machine = _FILTERS.get(platform.machine()) if sys.platform == "linux" else None
    if machine is None:
        return f"no filter is known for {sys.platform} on {platform.machine()}"
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    for limit, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, math.ceil(timeout_s) + 1),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 3),
    ):
        resource.setrlimit(limit, (value, value))
    # Code may ignore this signal; then the parent's clock, which is a few seconds more patient, ends it.
    signal.setitimer(signal.ITIMER_REAL, timeout_s)
    program = _program(*machine)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0
    ):
        return f"the kernel refused the filter ({os.strerror(ctypes.get_errno())})"
    # From here on a module that was not loaded cannot be found; this says so in Python's own words.
    sys.meta_path.clear()
    sys.path.clear()
    for name in ("ctypes", "os", "posix", "resource", "signal", "importlib", "platform"):
        sys.modules.pop(name, None)
    return None


def _program(architecture: int, allowed: tuple[int, ...]) -> _Program:
    count = len(allowed)
    steps = [(_LOAD_WORD, 0, 0, 4), (_JUMP_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL), (_LOAD_WORD, 0, 0, 0)]
    steps += [(_JUMP_EQUAL, count - position, 0, number) for position, number in enumerate(allowed)]
    steps += [(_RETURN, 0, 0, _DENY), (_RETURN, 0, 0, _ALLOW)]
    instructions = (_Instruction * len(steps))(*(_Instruction(*step) for step in steps))
    return _Program(len(steps), instructions)


class _Printed(io.StringIO):
    def write(self, text: str) -> int:
        room = OUTPUT_CHARS_MAX - self.tell()
        return super().write(text[: max(room, 0)])


def _run(tree: ast.Module, inputs: object, answer: dict[str, object]) -> None:
    printed = sys.stdout = sys.stderr = _Printed()
    names: dict[str, object] = {"__name__": "__code__", "inputs": inputs}
    try:
        has_main = any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body)
        exec(compile(tree if has_main else _as_function(tree), "<code>", "exec"), names)  # noqa: S102 - our purpose
        value = names["main"](inputs)  # type: ignore[operator]
        # What cannot be JSON is an error of the code, and has to be found here.
        json.dumps(value, allow_nan=False)
        answer["value"] = value
    except BaseException as error:  # noqa: BLE001 - whatever the code raises is its answer
        answer["error"] = _described(error)
    answer["output"] = printed.getvalue()


def _as_function(tree: ast.Module) -> ast.Module:
    """Wrap the source as the body of `main(inputs)`: it may use `return`, end in an expression or set `result`."""
    body = tree.body or [ast.Pass()]
    if isinstance(body[-1], ast.Expr):
        body[-1] = ast.Return(body[-1].value)
    ending = ast.parse("return locals().get('result')").body
    function = ast.parse("def main(inputs): pass").body[0]
    function.body = [*body, *ending]  # type: ignore[attr-defined]
    return ast.fix_missing_locations(ast.Module([function], []))


def _described(error: BaseException) -> str:
    line, frame = None, error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == "<code>":
            line = frame.tb_lineno
        frame = frame.tb_next
    try:
        text = f"{type(error).__name__}: {error}"[:2_000]
    except BaseException:  # noqa: BLE001 - its __str__ is the customer's code, too
        text = type(error).__name__
    return text if line is None else f"{text} (line {line})"


def _encoded(answer: dict[str, object]) -> bytes:
    text = json.dumps(answer)
    if len(text) > RESULT_CHARS_MAX + OUTPUT_CHARS_MAX:
        text = json.dumps(
            {**answer, "value": None, "error": f"The result is longer than {RESULT_CHARS_MAX} characters."}
        )
    return text.encode()


if __name__ == "__main__":
    main()
