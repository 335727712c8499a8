"""The Python consumer beside this file, as its checks run it."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "consumers"))
from supervised import Supervised  # noqa: E402

VISIBILITY_SECONDS = 2


def worker(folder: Path, sqs: str) -> Supervised:
    environment = os.environ | {
        "AWS_ENDPOINT_URL_SQS": f"http://{sqs}",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "POSTERN_VISIBILITY_SECONDS": str(VISIBILITY_SECONDS),
    }
    command = [sys.executable, str(HERE / "rehearsal.py"), str(folder / "shards")]
    return Supervised(command, environment, folder / "worker.log")
