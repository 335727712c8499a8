"""SQS servers on free ports of this machine, each with nothing in it, gone when its block ends."""

import contextlib
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from stack import POLL_SECONDS, READY_SECONDS_MAX, Stack, accepts
from tally import POSTERN, TOOLS, VENVS

ACCOUNT = "000000000000"
# Given port 0 they say which one they took.
LISTENING = re.compile(r"(?:bind address |Running on http://)(127\.0\.0\.1:[1-9]\d*)")


@contextlib.contextmanager
def running(server: str) -> Iterator[str]:
    """The URL of such a server."""
    with {"localsqs": localsqs, "elasticmq": elasticmq, "moto": moto}[server]() as address:
        yield f"http://{address}"


@contextlib.contextmanager
def localsqs() -> Iterator[str]:
    with Stack(POSTERN, "sqs", wants=("sqs",)) as stack:
        yield stack.addresses["sqs"]
        if (code := stack.stop()) != 0:
            raise RuntimeError(f"localsqs ended with {code}:\n{stack.output()}")


def elasticmq() -> contextlib.AbstractContextManager[str]:
    properties = {
        "rest-sqs.bind-hostname": "127.0.0.1",
        "rest-sqs.bind-port": "0",
        "rest-stats.enabled": "false",
        # Queue URLs have the host that the client asked.
        "node-address.host": "*",
        "aws.region": "eu-west-1",
        "aws.accountId": ACCOUNT,
        # Its twenty seconds are those of a long poll, which would end in a 503 now and then.
        "pekko.http.server.request-timeout": "60s",
    }
    return process([TOOLS / "bin" / "elasticmq", *(f"-D{name}={value}" for name, value in properties.items())], {})


def moto() -> contextlib.AbstractContextManager[str]:
    server = VENVS / "moto" / "bin" / "moto_server"
    return process([server, "-H", "127.0.0.1", "-p", "0"], {"MOTO_ACCOUNT_ID": ACCOUNT})


@contextlib.contextmanager
def process(command: list[object], environment: dict[str, str]) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="postern-sqs-") as folder:
        log = Path(folder, "log")
        with log.open("wb") as output:
            running = subprocess.Popen(
                [str(part) for part in command],
                cwd=folder,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            yield address(running, log)
        finally:
            running.kill()
            running.wait()


def address(running: subprocess.Popen, log: Path) -> str:
    """Where it listens, once it accepts connections."""
    deadline = time.monotonic() + READY_SECONDS_MAX
    while running.poll() is None and time.monotonic() < deadline:
        if (found := LISTENING.search(log.read_text(errors="replace"))) and accepts(found[1]):
            return found[1]
        time.sleep(POLL_SECONDS)
    raise RuntimeError(f"{running.args[0]} was not ready:\n{log.read_text(errors='replace')}")
