"""Runs docs/consumers/python.md or rust.md: every command of it, in order, as a reader would.

    python page.py POSTERN_BINARY PAGE

The commands stand in blocks marked `sh`; one that begins with `# until Ctrl-C` runs in a terminal of its own until the end. Wants an
interpreter that has boto3 already, so that installing it changes nothing, and for Rust a cargo, whose work is kept in a folder of the project. Only
the page's ports are others here.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
sys.path.insert(0, str(HERE))
from checking import check, failed  # noqa: E402

BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TOOLCHAIN = tomllib.loads((ROOT / "rust-toolchain.toml").read_text())["toolchain"]["channel"]
DONE = "::done"
LASTING = "# until Ctrl-C\n"
PORTS = {"edge": 8080, "grpc": 50051, "sqs": 9324, "admin": 9090}
READY_SECONDS_MAX = 60
STOP_SECONDS_MAX = 10
POLL_SECONDS = 0.05


def free_ports() -> dict[str, int]:
    """Ports for all at once: they are held until each has one."""
    with ExitStack() as held:
        sockets = {part: held.enter_context(socket.socket()) for part in PORTS}
        for bound in sockets.values():
            bound.bind(("127.0.0.1", 0))
        return {part: bound.getsockname()[1] for part, bound in sockets.items()}


class Reader:
    """Somebody who follows the page in a folder of their own, in several terminals."""

    def __init__(self, folder: Path, postern: Path):
        ports = free_ports()
        paths = [Path(sys.executable).parent, postern.resolve().parent, os.environ["PATH"]]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("POSTERN_", "AWS_"))}
        listens = {f"POSTERN_{part.upper()}_LISTEN": f"127.0.0.1:{port}" for part, port in ports.items()}
        self.environment = kept | listens | {"PATH": ":".join(map(str, paths)), "POSTERN_SOURCE": str(ROOT)}
        self.environment |= {"CARGO_TARGET_DIR": str(postern.resolve().parent.parent / "pages"), "RUSTUP_TOOLCHAIN": TOOLCHAIN}
        self.ports = ports
        self.folder = folder
        self.logs: list[Path] = []
        self.lasting: list[subprocess.Popen] = []

    def __enter__(self) -> "Reader":
        self.terminal = self.bash(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.type("set -euo pipefail")
        return self

    def __exit__(self, *_exception: object) -> None:
        self.terminal.stdin.close()
        self.terminal.wait()
        # The consumer before the stack that it is on.
        for program in reversed(self.lasting):
            end(program)

    def follow(self, block: str) -> str:
        """What the block prints; nothing for one that lasts."""
        for part, port in PORTS.items():
            block = block.replace(f"127.0.0.1:{port}", f"127.0.0.1:{self.ports[part]}")
        if not block.startswith(LASTING):
            return self.type(block)
        self.logs.append(self.folder / f"log-{len(self.logs)}")
        with self.logs[-1].open("w") as log:
            self.lasting.append(self.bash("-c", block, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        self.wait_until_ready()
        return ""

    def type(self, block: str) -> str:
        self.terminal.stdin.write(f"{block}\necho {DONE}\n")
        self.terminal.stdin.flush()
        printed = ""
        for line in self.terminal.stdout:
            if line.endswith(f"{DONE}\n"):
                return printed + line.removesuffix(f"{DONE}\n")
            printed += line
        raise RuntimeError(f"{block}\nended the terminal:\n{printed}")

    def bash(self, *arguments: str, **streams: object) -> subprocess.Popen:
        return subprocess.Popen(
            ["bash", *arguments], cwd=self.folder, env=self.environment, start_new_session=True, **streams
        )

    def wait_until_ready(self) -> None:
        """The first thing that lasts is the stack: the page waits until it answers."""
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.ports["edge"]), timeout=1).close()
                return
            except OSError:
                time.sleep(POLL_SECONDS)
        raise RuntimeError("the stack is not ready")


def end(program: subprocess.Popen) -> None:
    """Ctrl-C."""
    os.killpg(program.pid, signal.SIGINT)
    try:
        program.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        os.killpg(program.pid, signal.SIGKILL)
        program.wait()


def main(postern: str, page: str) -> int:
    blocks = BLOCK.findall(Path(page).read_text())
    with tempfile.TemporaryDirectory(prefix="postern-page-") as folder:
        try:
            with Reader(Path(folder), Path(postern)) as reader:
                printed = [reader.follow(block) for block in blocks]
        except RuntimeError as broken:
            check("every command of it works", False, broken)
            for log in reader.logs:
                print(log.read_text(errors="replace")[-10_000:])
            return 1
    check("every command of it works", True)
    shown, succeeded, refused = (printed[index] for index in (1, -2, -1))
    check("it shows the message", "MessageBody" in shown, shown)
    check("its job succeeds", '"result":{"words":6}' in succeeded, succeeded)
    check("its job fails as it says", '"reason":"TEXT_EMPTY"' in refused, refused)
    return 1 if failed() else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
