"""A consumer for the checks: imports contacts, and fails, dies and dawdles as it is told to.

    python rehearsal.py DATABASE
"""

import hashlib
import json
import os
import signal
import sqlite3
import sys

from consumer import Failed, run

SCHEMA = """
    CREATE TABLE IF NOT EXISTS contacts (account TEXT, email TEXT, name TEXT, PRIMARY KEY (account, email));
    CREATE TABLE IF NOT EXISTS imports (job_id TEXT PRIMARY KEY, result TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS tries (name TEXT PRIMARY KEY, count INTEGER NOT NULL);
"""


class Rehearsal:
    def __init__(self, database: str):
        self.database = sqlite3.connect(database, timeout=30, isolation_level=None)
        self.database.executescript(SCHEMA)

    def import_contacts(self, task: dict, progress) -> dict:
        account, contacts = task["payload"]["account"], task["payload"]["contacts"]
        if account == "unknown":
            raise Failed("ACCOUNT_UNKNOWN", f"account {account} does not exist", "NOT_FOUND")
        # For writing from the start: a second execution of the job waits here, and then finds what the first one did.
        self.database.execute("BEGIN IMMEDIATE")
        with self.database:
            for (earlier,) in self.database.execute("SELECT result FROM imports WHERE job_id = ?", (task["jobId"],)):
                return json.loads(earlier)
            inserted = sum(self.insert(account, contact) for contact in contacts)
            progress(len(contacts), len(contacts), "inserting contacts")
            counts = {"inserted": inserted, "skipped": len(contacts) - inserted}
            self.database.execute("INSERT INTO imports VALUES (?, ?)", (task["jobId"], json.dumps(counts)))
        return counts

    def insert(self, account: str, contact: dict) -> int:
        row = (account, contact["email"], contact["name"])
        return self.database.execute("INSERT OR IGNORE INTO contacts VALUES (?, ?, ?)", row).rowcount

    def rehearse(self, task: dict, _progress) -> dict:
        told, count = task["payload"], self.count(task["jobId"])
        if count <= told.get("deaths", 0):
            os.kill(os.getpid(), signal.SIGKILL)
        if count <= told.get("failures", 0):
            raise LookupError("the password of the database is swordfish")
        text = told.get("text", "").encode()
        digest = hashlib.sha256(text).hexdigest()
        return {"tries": count, "figures": told.get("figures"), "textBytes": len(text), "textSha256": digest}

    def count(self, name: str) -> int:
        counted = "INSERT INTO tries VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET count = count + 1 RETURNING count"
        return self.database.execute(counted, (name,)).fetchall()[0][0]


if __name__ == "__main__":
    rehearsal = Rehearsal(sys.argv[1])
    run({"contacts.import": rehearsal.import_contacts, "rehearse": rehearsal.rehearse})
