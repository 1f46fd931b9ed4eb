"""The code step: Python in a child process that the kernel keeps from files, network and other processes."""

from trivium.adapters.sandbox.runner import SandboxRunner

__all__ = ["SandboxRunner"]
