"""Runs clients and suites that others wrote, and counts their checks."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TOOLS = ROOT / ".tools"
VENVS = TOOLS / "venv"
POSTERN = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "postern"
CLIENT_SECONDS_MAX = 300


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def check(self, name: str, holds: bool, why: str = "") -> None:
        if holds:
            self.passed += 1
            print(f"ok {name}", flush=True)
        else:
            self.failed += 1
            print(f"FAIL {name}{why and ': '}{why}", flush=True)

    def client(self, name: str, *command: object) -> bool:
        """Runs a client that prints its checks."""
        return self.ran(name, *run(command))

    def ran(self, name: str, code: int | str, output: str) -> bool:
        """Counts the checks that a client printed."""
        failed_before = self.failed
        checks = 0
        for line in output.splitlines():
            verdict, _, what = line.partition(" ")
            if verdict in ("ok", "FAIL"):
                checks += 1
                self.check(f"{name}: {what}", verdict == "ok")
            else:
                print(f"   {name}: {line}", flush=True)
        if code != 0 and self.failed == failed_before:
            self.check(f"{name}: runs to its end", False, f"exit code {code}")
        elif checks == 0:
            self.check(f"{name}: checks something", False)
        return self.failed == failed_before

    def suite(self, name: str, *command: object) -> bool:
        """Runs a suite that only its exit code speaks for."""
        return self.suited(name, *run(command))

    def suited(self, name: str, code: int | str, output: str) -> bool:
        """Counts a suite that only its exit code speaks for; what it printed is shown when it failed."""
        self.check(name, code == 0, f"exit code {code}\n{output}")
        return code == 0


def run(
    command: tuple[object, ...], seconds_max: int = CLIENT_SECONDS_MAX, **settings: str
) -> tuple[int | str, str]:
    environment = os.environ | {"PATH": f"{TOOLS / 'bin'}:{os.environ['PATH']}"} | settings
    try:
        done = subprocess.run(
            [str(part) for part in command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds_max,
        )
    except subprocess.TimeoutExpired as late:
        return f"none after {seconds_max} s", (late.stdout or b"").decode(errors="replace")
    return done.returncode, done.stdout.decode(errors="replace")
