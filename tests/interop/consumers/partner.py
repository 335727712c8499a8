"""A partner over REST for checks of consumers, with Python alone: submits, cancels, waits for the end."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request

CALL_SECONDS_MAX = 60
TERMINAL = {"JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_EXPIRED"}


class Partner:
    def __init__(self, edge: str):
        self.url = f"http://{edge}"
        self.serial = 0
        self.run = f"{time.time_ns():x}"
        form = {"grant_type": "client_credentials", "client_id": "acme", "client_secret": "acme-secret"}
        with urllib.request.urlopen(f"{self.url}/oauth2/token", urllib.parse.urlencode(form).encode(), timeout=10) as answer:
            self.token = json.load(answer)["access_token"]

    def submit(self, job_type: str, payload: dict, queue_timeout: str | None = None, **labels: str) -> str:
        job = {"jobType": job_type, "payload": payload, "labels": labels, "queueTimeout": queue_timeout}
        return self.call("POST", "/v1/jobs", job)["jobId"]

    def import_contacts(self, account: str, count: int, **labels: str) -> str:
        """An import of so many contacts that nobody has imported before."""
        self.serial += 1
        reference = f"{self.run}-{self.serial}"
        contacts = [{"email": f"{index}.{reference}@example.com", "name": "X"} for index in range(count)]
        return self.submit("contacts.import", {"account": account, "reference": reference, "contacts": contacts}, **labels)

    def cancel(self, job_id: str) -> dict:
        return self.call("POST", f"/v1/jobs/{job_id}:cancel")

    def get(self, job_id: str) -> dict:
        return self.call("GET", f"/v1/jobs/{job_id}")

    def history(self, job_id: str) -> list[str]:
        """What has happened to it, oldest first."""
        return [event["type"] for event in self.call("GET", f"/v1/jobs/{job_id}/events")["events"]]

    def ended(self, job_id: str, seconds_max: float) -> dict:
        """The job at its end, or as it is when the time is up."""
        deadline = time.monotonic() + seconds_max
        while True:
            seconds = max(0, min(30, deadline - time.monotonic()))
            job = self.call("GET", f"/v1/jobs/{job_id}?wait={seconds:.0f}s")
            if job["state"] in TERMINAL or time.monotonic() >= deadline:
                return job

    def running(self, job_id: str, seconds_max: float) -> dict:
        """The job once it runs, or as it is when it does not."""
        deadline = time.monotonic() + seconds_max
        while True:
            job = self.get(job_id)
            if job["state"] != "JOB_STATE_QUEUED" or time.monotonic() >= deadline:
                return job
            time.sleep(0.05)

    def call(self, method: str, path: str, body: dict | None = None) -> dict:
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"authorization": f"Bearer {self.token}", "content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=CALL_SECONDS_MAX) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            raise RuntimeError(f"{method} {path}: {refused.code} {refused.read()[:1000]!r}") from refused
