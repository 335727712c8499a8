"""A consumer under a supervisor: started again whenever it ends, as it is in production."""

import subprocess
from pathlib import Path
from threading import Event, Thread

STOP_SECONDS_MAX = 10


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
        """Without a warning, as a power cut would."""
        self.process.kill()

    def _start(self) -> None:
        self.process = subprocess.Popen(
            self.command, env=self.environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log
        )

    def _supervise(self) -> None:
        while True:
            self.process.wait()
            if self.stopping.is_set():
                return
            self.deaths += 1
            self._start()
