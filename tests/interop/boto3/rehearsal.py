"""A consumer for the checks: imports contacts, and fails, dies and dawdles as it is told to.

    python rehearsal.py SHARDS_FOLDER
"""

import hashlib
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path

from consumer import Failed, run

BEAT_SECONDS = 0.05
SCHEMA = """
    CREATE TABLE IF NOT EXISTS contacts (
        email TEXT PRIMARY KEY, name TEXT NOT NULL, phone TEXT, job_id TEXT NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS imports (
        job_id TEXT PRIMARY KEY, reference TEXT NOT NULL, inserted INTEGER NOT NULL, skipped INTEGER NOT NULL
    ) STRICT;
"""
TRIES = "CREATE TABLE IF NOT EXISTS tries (name TEXT PRIMARY KEY, count INTEGER NOT NULL)"


class Rehearsal:
    def __init__(self, shards: Path):
        self.shards = shards
        self.tries = sqlite3.connect(shards.with_name("tries.sqlite"), timeout=30, isolation_level=None)
        self.tries.execute(TRIES)

    def import_contacts(self, task: dict, progress) -> dict:
        payload = task["payload"]
        if payload["account"] == "unknown":
            raise Failed("ACCOUNT_UNKNOWN", "there is no such account", "NOT_FOUND")
        shard = self.shard(payload["account"])
        # For writing from the start: a second execution of the job waits here, and then finds what the first one did.
        shard.execute("BEGIN IMMEDIATE")
        with shard:
            earlier = shard.execute("SELECT inserted, skipped FROM imports WHERE job_id = ?", (task["jobId"],))
            for inserted, skipped in earlier:
                return {"inserted": inserted, "skipped": skipped}
            rows = [(it["email"], it["name"], it.get("phone"), task["jobId"]) for it in payload["contacts"]]
            inserted = shard.executemany("INSERT OR IGNORE INTO contacts VALUES (?, ?, ?, ?)", rows).rowcount
            progress(len(rows), len(rows), "inserting contacts")
            counts = {"inserted": inserted, "skipped": len(rows) - inserted}
            record = (task["jobId"], payload["reference"], *counts.values())
            shard.execute("INSERT INTO imports VALUES (?, ?, ?, ?)", record)
        return counts

    def shard(self, account: str) -> sqlite3.Connection:
        self.shards.mkdir(parents=True, exist_ok=True)
        shard = sqlite3.connect(self.shards / f"{account}.sqlite", timeout=30, isolation_level=None)
        shard.executescript(SCHEMA)
        return shard

    def rehearse(self, task: dict, progress) -> dict:
        told, count = task["payload"], self.count(task["jobId"])
        if count <= told.get("deaths", 0):
            os.kill(os.getpid(), signal.SIGKILL)
        if count <= told.get("failures", 0):
            raise LookupError("the password of the database is swordfish")
        for beat in range(told.get("beatsMax", 0)):
            progress(beat + 1, told["beatsMax"], "dawdling")
            time.sleep(BEAT_SECONDS)
        if told.get("unusable"):
            return {"everything": float("inf")}
        text = told.get("text", "").encode()
        digest = hashlib.sha256(text).hexdigest()
        return {"tries": count, "figures": told.get("figures"), "textBytes": len(text), "textSha256": digest}

    def count(self, name: str) -> int:
        counted = "INSERT INTO tries VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET count = count + 1 RETURNING count"
        return self.tries.execute(counted, (name,)).fetchall()[0][0]


if __name__ == "__main__":
    rehearsal = Rehearsal(Path(sys.argv[1]))
    run({"contacts.import": rehearsal.import_contacts, "rehearse": rehearsal.rehearse})
