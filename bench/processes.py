"""Servers as processes of their own: started, measured from outside, ended by their id."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """A running server. `ready_s` is how long it took from its start to its first answer."""

    pid: int
    port: int
    ready_s: float

    def cpu_s(self) -> float:
        """Return the processor time it has used so far, user and system, all threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK_S

    def memory_mb(self) -> float:
        """Return its resident memory in MB."""
        return self._memory("VmRSS:")

    def own_memory_mb(self) -> float:
        """Return its resident memory without what is mapped from files, of which the database is one."""
        return self._memory("RssAnon:")

    def _memory(self, name: str) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition(name)[2].split()[0]) / 1024


def free_port() -> int:
    """Return a port nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def running(
    command: Sequence[str], port: int, *, probe: str = "/", environ: Mapping[str, str] | None = None, wait_s: float = 60
) -> Generator[Process, None, None]:
    """Start a server and yield it once it answers; it is ended with SIGTERM, after 15 s with SIGKILL."""
    began = time.perf_counter()
    child = subprocess.Popen(
        command, env={**os.environ, **(environ or {})}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not _answers(port, probe):
            if child.poll() is not None or time.perf_counter() - began > wait_s:
                raise RuntimeError(f"{' '.join(command[:4])} … did not start (exit status {child.poll()})")
            time.sleep(0.01)
        yield Process(child.pid, port, time.perf_counter() - began)
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module with this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()
