"""The Symfony application beside this file, as its checks run it: in a folder of their own, against a stack."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "consumers"))
from checking import tries  # noqa: E402
from supervised import Supervised  # noqa: E402

VISIBILITY_SECONDS = 3


class Application:
    """The Symfony application: its console, its worker, its database."""

    def __init__(self, folder: Path, edge: str, sqs: str):
        self.folder = folder
        self.shards = folder / "shards"
        self.database = folder / "tries.sqlite"
        dsn = f"sqs://key:secret@{sqs}/%s?sslmode=disable&region=eu-west-1"
        # PHP shows its warnings here, or they would be lost.
        self.console = ["php", "-d", "display_errors=stderr", str(HERE / "bin" / "console")]
        self.environment = os.environ | {
            "APP_ENV": "rehearsal",
            "APP_CACHE_DIR": str(folder / "cache"),
            "SHARDS": str(self.shards),
            "TRIES": str(self.database),
            "POSTERN_JOBS_DSN": dsn % "postern-jobs",
            "POSTERN_RESULTS_DSN": dsn % "postern-results",
            "POSTERN_VISIBILITY_SECONDS": str(VISIBILITY_SECONDS),
        }
        self.with_work_service = {
            "POSTERN_WORK_URL": f"http://{edge}",
            "POSTERN_WORK_TOKEN_URL": f"http://{edge}/oauth2/token",
            "POSTERN_WORK_CLIENT_ID": "worker",
            "POSTERN_WORK_CLIENT_SECRET": "worker-secret",
        }

    def worker(self, **environment: str) -> Supervised:
        command = [*self.console, "messenger:consume", "postern_jobs", "--no-interaction"]
        return Supervised(command, self.environment | environment, self.folder / "worker.log")

    def starts(self) -> tuple[bool, str]:
        done = subprocess.run([*self.console, "debug:messenger"], env=self.environment, capture_output=True, text=True)
        return done.returncode == 0 and "ImportContactsHandler" in done.stdout, done.stdout + done.stderr

    def decodes(self, postern: str, catalog: str, job_type: str) -> tuple[bool, str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("POSTERN_")}
        tasks = subprocess.run(
            [postern, "catalog", "example", job_type],
            env=environment | {"POSTERN_CATALOG": catalog},
            cwd=self.folder,
            capture_output=True,
            check=True,
        ).stdout
        command = [*self.console, "postern:decode"]
        done = subprocess.run(command, env=self.environment, input=tasks, capture_output=True)
        return done.returncode == 0, (done.stdout + done.stderr).decode()

    def tries(self, job: str) -> int:
        return tries(self.database, job)
