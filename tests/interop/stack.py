"""A running Postern: starts it on free ports in a temporary folder, finds its addresses in what it prints, ends it."""

import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

READY_SECONDS_MAX = 60
STOP_SECONDS_MAX = 10
POLL_SECONDS = 0.05

ADDRESS = re.compile(r"127\.0\.0\.1:(\d+)")
LABEL = re.compile(r"\b(edge|grpc|sqs|admin)\b", re.IGNORECASE)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Stack:
    """`with Stack(binary, "dev", wants=("edge", "grpc")) as stack:` gives a stack that accepts connections."""

    def __init__(self, binary: Path, *arguments: str, wants: tuple[str, ...], settings: dict[str, str] | None = None):
        self.command = [str(binary), *arguments]
        self.wants = wants
        self.settings = settings or {}
        self.addresses: dict[str, str] = {}

    def __enter__(self) -> "Stack":
        self.folder = tempfile.TemporaryDirectory(prefix="postern-interop-")
        self.log = Path(self.folder.name, "log")
        # Nothing of the caller's own settings, and nothing in the caller's folder.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("POSTERN_")}
        for part in ("EDGE", "GRPC", "SQS", "ADMIN"):
            environment[f"POSTERN_{part}_LISTEN"] = "127.0.0.1:0"
        environment |= {f"POSTERN_{key.upper()}": value for key, value in self.settings.items()}
        environment["POSTERN_DATA_DIR"] = str(Path(self.folder.name, "data"))
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder.name,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_exception) -> None:
        self._end()

    def stop(self) -> int | None:
        """Ctrl-C: the exit code, or nothing when it does not end in time."""
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            return None

    def output(self) -> str:
        return COLOUR.sub("", self.log.read_text(errors="replace"))

    def _end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.command} ended with {self.process.returncode}:\n{self.output()}")
            self.addresses = addresses(self.output())
            if all(accepts(self.addresses.get(part)) for part in self.wants):
                return
            time.sleep(POLL_SECONDS)
        raise RuntimeError(f"{self.command} was not ready after {READY_SECONDS_MAX} s:\n{self.output()}")


def addresses(output: str) -> dict[str, str]:
    """Each part's first address: it belongs to the first label between it and the address before, on the same line."""
    found: dict[str, str] = {}
    for line in output.splitlines():
        start = 0
        for address in ADDRESS.finditer(line):
            label = LABEL.search(line, start, address.start())
            if label:
                found.setdefault(label[1].lower(), address[0])
            start = address.end()
    return found


def accepts(address: str | None) -> bool:
    if address is None:
        return False
    host, port = address.split(":")
    try:
        with socket.create_connection((host, int(port)), timeout=1):
            return True
    except OSError:
        return False
