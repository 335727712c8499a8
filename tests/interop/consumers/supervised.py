"""A consumer under a supervisor: started again whenever it ends, as it is in production."""

import subprocess
import time
from pathlib import Path
from threading import Event, Thread

START_SECONDS_MAX = 10
STOP_SECONDS_MAX = 10
POLL_SECONDS = 0.01


class Supervised:
    """`with Supervised(command, environment, log) as worker:` runs a consumer until the end of the block."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path):
        self.command = command
        self.environment = environment
        self.log = log.open("ab")
        self.stopping = Event()
        self.deaths = 0

    def __enter__(self) -> "Supervised":
        self._start()
        self.supervisor = Thread(target=self._supervise)
        self.supervisor.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stopping.set()
        self.process.terminate()
        self.supervisor.join(STOP_SECONDS_MAX)
        if self.supervisor.is_alive():
            self.process.kill()
            self.supervisor.join()
        self.log.close()

    def kill(self) -> None:
        """Without a warning, as a power cut would; returns when the next one has been started."""
        deaths = self.deaths
        self.process.kill()
        deadline = time.monotonic() + START_SECONDS_MAX
        while self.deaths == deaths and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)

    def _start(self) -> None:
        self.process = subprocess.Popen(
            self.command, env=self.environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log
        )

    def _supervise(self) -> None:
        while True:
            self.process.wait()
            if self.stopping.is_set():
                return
            self._start()
            self.deaths += 1
