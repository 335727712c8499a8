// Checks the partner in a browser: drive.mjs opens index.html, calls `run`, and prints what it says.

import { Code } from "@connectrpc/connect";
import { type Event, follow } from "./events.js";
import { type Job, JobState } from "./gen/postern/v1/job_pb.js";
import { Partner, why } from "./partner.js";

const key = `browser-${crypto.randomUUID()}`;

async function run(edge: string, token: string) {
  const partner = new Partner(edge, token);
  await checkGrpcWeb(partner);
  await checkError(partner);
  await checkEvents(partner, edge, token);
}

async function checkGrpcWeb(partner: Partner) {
  const job = await partner.submit("contacts.import", key, payload(key));
  check("grpc-web: a submitted job is queued", job.state === JobState.QUEUED, job.state);
  const again = await partner.submit("contacts.import", key, payload(key));
  check("grpc-web: the same key gives the same job", again.jobId === job.jobId, again.jobId);

  const [first] = await collect(partner.watch(job.jobId), 1);
  const seen: Job[] = [first!, ...(await collect(partner.watch(job.jobId, first!.revision)))];
  const revisions = seen.map((job) => job.revision);
  check("grpc-web: a watch that was cut resumes after the revision it had", rises(revisions), revisions);
  const last = seen.at(-1)!;
  check("grpc-web: it ends with SUCCEEDED", last.state === JobState.SUCCEEDED, last.state);
  check("grpc-web: the result is there", last.result?.inserted === 1, last.result);
}

async function checkError(partner: Partner) {
  try {
    await partner.submit("contacts.import", `${key}-wrong`, { account: "interop", contacts: [] });
    check("grpc-web: a payload that does not fit is refused", false, "accepted");
  } catch (error) {
    const { code, reason, violations } = why(error);
    check("grpc-web: a payload that does not fit is refused", code === Code.InvalidArgument, code);
    check("grpc-web: the error gives a reason", reason === "PAYLOAD_INVALID", reason);
    const named = violations.some(({ field, reason }) => field === "/payload/reference" && reason === "REQUIRED");
    check("grpc-web: the error names the field", named, violations.length);
  }
}

async function checkEvents(partner: Partner, edge: string, token: string) {
  const { jobId } = await partner.submit("contacts.import", `${key}-events`, payload(`${key}-events`));
  const url = `${edge}/v1/jobs/${jobId}:watch`;
  const [first] = await collect(follow(url, token), 1);
  const seen: Event[] = [first!, ...(await collect(follow(url, token, first!.id)))];
  const ids = seen.map((event) => Number(event.id));
  check("events: a stream that was cut resumes after Last-Event-ID", rises(ids), ids);
  check("events: it ends with SUCCEEDED", seen.at(-1)!.job.state === "JOB_STATE_SUCCEEDED", seen.at(-1));

  const polled = await fetch(`${edge}/v1/jobs/${jobId}`, { headers: { authorization: `Bearer ${token}` } });
  check("rest: a page may read the headers of an answer", polled.headers.get("etag") === `"${ids.at(-1)}"`, [...polled.headers]);
}

function payload(reference: string) {
  return { account: "interop", reference, contacts: [{ email: `${reference}@example.com`, name: "X" }] };
}

/** What comes, to the end or until so many were seen. */
async function collect<T>(stream: AsyncGenerator<T>, count = Infinity): Promise<T[]> {
  const seen: T[] = [];
  for await (const one of stream) {
    seen.push(one);
    if (seen.length === count) {
      break;
    }
  }
  return seen;
}

function rises(numbers: number[]): boolean {
  return numbers.every((number, at) => at === 0 || number > numbers[at - 1]!);
}

function check(name: string, holds: boolean, seen: unknown) {
  console.log(holds ? `ok ${name}` : `FAIL ${name}: ${JSON.stringify(seen)}`);
}

Object.assign(globalThis, { run });
