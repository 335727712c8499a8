"""A partner in Python, with the code that grpcio-tools generates: submits, watches to the end, resumes, reads an error.

    python client.py [GRPC_ADDRESS [EDGE_ADDRESS]]

The edge gives the token; `tools/clients` generates the packages that come from `postern`.
"""

import json
import sys
import time
import urllib.parse
import urllib.request

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from postern.v1 import job_pb2, job_service_pb2, job_service_pb2_grpc

CALL_SECONDS_MAX = 60


def access_token(edge: str) -> str:
    form = {"grant_type": "client_credentials", "client_id": "acme", "client_secret": "acme-secret"}
    body = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(f"http://{edge}/oauth2/token", body, timeout=10) as answer:
        return json.load(answer)["access_token"]


class Partner:
    def __init__(self, channel: grpc.Channel, token: str):
        self.jobs = job_service_pb2_grpc.JobServiceStub(channel)
        self.call = {"metadata": [("authorization", f"Bearer {token}")], "timeout": CALL_SECONDS_MAX}

    def submit(self, payload: dict, key: str) -> job_pb2.Job:
        request = job_service_pb2.SubmitJobRequest(job_type="contacts.import", request_id=key)
        request.payload.update(payload)
        return self.jobs.SubmitJob(request, **self.call).job

    def changes(self, cursor: str = "") -> job_service_pb2.ListJobChangesResponse:
        return self.jobs.ListJobChanges(job_service_pb2.ListJobChangesRequest(cursor=cursor), **self.call)

    def first_change(self, cursor: str) -> job_service_pb2.WatchJobsResponse:
        """The first message of a watch of all jobs, which is ended then."""
        stream = self.jobs.WatchJobs(job_service_pb2.WatchJobsRequest(cursor=cursor), **self.call)
        try:
            return next(stream)
        finally:
            stream.cancel()

    def watch(self, job_id: str, after_revision: int | None = None) -> list[job_pb2.Job]:
        request = job_service_pb2.WatchJobRequest(job_id=job_id, after_revision=after_revision)
        return [answer.job for answer in self.jobs.WatchJob(request, **self.call)]


def error_details(error: grpc.RpcError) -> dict[str, object]:
    """What an error carries besides its code and message, by type."""
    found = {}
    for packed in rpc_status.from_call(error).details:
        for detail in (error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()):
            if packed.Unpack(detail):
                found[type(detail)] = detail
    return found


failures = 0


def check(name: str, holds: bool, seen: object) -> None:
    global failures
    failures += not holds
    print(f"ok {name}" if holds else f"FAIL {name}: {seen!r}", flush=True)


def main(grpc_address: str = "127.0.0.1:50051", edge: str = "127.0.0.1:8080") -> int:
    key = f"python-{time.time_ns()}"
    contact = {"email": f"{key}@example.com", "name": "X"}
    with grpc.insecure_channel(grpc_address) as channel:
        partner = Partner(channel, access_token(edge))

        begin = partner.changes().next_cursor
        job = partner.submit({"account": "interop", "reference": key, "contacts": [contact]}, key)
        check("a submitted job is queued", job.state == job_pb2.JOB_STATE_QUEUED, job)
        again = partner.submit({"account": "interop", "reference": key, "contacts": [contact]}, key)
        check("the same key gives the same job", again.job_id == job.job_id, again)

        seen = partner.watch(job.job_id)
        revisions = [job.revision for job in seen]
        check("a watch ends with SUCCEEDED", seen[-1].state == job_pb2.JOB_STATE_SUCCEEDED, seen)
        check("revisions rise", revisions == sorted(set(revisions)), revisions)
        check("the result is there", dict(seen[-1].result) == {"inserted": 1, "skipped": 0}, seen[-1])

        resumed = partner.watch(job.job_id, after_revision=1)
        check("a watch resumes after a revision", resumed[0].revision > 1, resumed)
        ended = partner.watch(job.job_id, after_revision=revisions[-1])
        check("a watch after the last revision ends at once", ended == [], ended)

        changes = partner.changes(begin)
        newest = [(job.job_id, job.state) for job in changes.jobs]
        check("changes tell of a job in its newest state", newest == [(job.job_id, job_pb2.JOB_STATE_SUCCEEDED)], changes)
        check("nothing changed after them", not partner.changes(changes.next_cursor).jobs, changes)
        first = partner.first_change(begin)
        check("a watch of all jobs goes on from the same cursor", first.job == changes.jobs[0], first)

        try:
            partner.submit({"account": "interop", "contacts": []}, f"{key}-wrong")
            check("a payload that does not fit is refused", False, "accepted")
        except grpc.RpcError as error:
            details = error_details(error)
            info = details.get(error_details_pb2.ErrorInfo)
            fields = details.get(error_details_pb2.BadRequest, error_details_pb2.BadRequest()).field_violations
            check("a payload that does not fit is refused", error.code() == grpc.StatusCode.INVALID_ARGUMENT, error)
            check("the error gives a reason", info and (info.reason, info.domain) == ("PAYLOAD_INVALID", "postern"), info)
            check("the error names the field", "/payload/reference" in [field.field for field in fields], fields)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
