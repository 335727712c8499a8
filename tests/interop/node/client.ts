// Checks the partner on Node against a stack with its example consumer, such as `postern dev`:
//
//     node dist/client.js EDGE_ADDRESS

import { Code } from "@connectrpc/connect";
import { type Job, JobState } from "./gen/postern/v1/job_pb.js";
import { Partner, why } from "./partner.js";

const [edge] = process.argv.slice(2);
const partner = new Partner(`http://${edge}`, await accessToken());
const key = `node-${process.hrtime.bigint()}`;
const payload = { account: "interop", reference: key, contacts: [{ email: `${key}@example.com`, name: "X" }] };

const job = await partner.submit("contacts.import", key, payload);
check("a submitted job is queued", job.state === JobState.QUEUED, job);
const again = await partner.submit("contacts.import", key, payload);
check("the same key gives the same job", again.jobId === job.jobId, again);

const first = await cutAfterFirst(partner.watch(job.jobId));
const resumed: Job[] = [];
for await (const later of partner.watch(job.jobId, first.revision)) {
  resumed.push(later);
}
const revisions = [first, ...resumed].map((seen) => seen.revision);
const rises = revisions.every((revision, at) => at === 0 || revision > revisions[at - 1]!);
check("a watch that was cut resumes after the revision it had", rises, revisions);
const last = resumed.at(-1) ?? first;
check("it ends with SUCCEEDED", last.state === JobState.SUCCEEDED, last);
check("the result is there", last.result?.inserted === 1, last.result);

try {
  await partner.submit("contacts.import", `${key}-wrong`, { account: "interop", contacts: [] });
  check("a payload that does not fit is refused", false, "accepted");
} catch (error) {
  const { code, reason, violations } = why(error);
  check("a payload that does not fit is refused", code === Code.InvalidArgument, error);
  check("the error gives a reason", reason === "PAYLOAD_INVALID", reason);
  const named = violations.some(({ field, reason }) => field === "/payload/reference" && reason === "REQUIRED");
  check("the error names the field", named, violations);
}

async function cutAfterFirst(watch: AsyncGenerator<Job>): Promise<Job> {
  for await (const job of watch) {
    return job;
  }
  throw new Error("the watch ended before its first message");
}

async function accessToken(): Promise<string> {
  const form = { grant_type: "client_credentials", client_id: "acme", client_secret: "acme-secret" };
  const answer = await fetch(`http://${edge}/oauth2/token`, { method: "POST", body: new URLSearchParams(form) });
  const { access_token } = (await answer.json()) as { access_token: string };
  return access_token;
}

function check(name: string, holds: boolean, seen: unknown) {
  if (holds) {
    console.log(`ok ${name}`);
  } else {
    process.exitCode = 1;
    console.log(`FAIL ${name}:`, seen);
  }
}
