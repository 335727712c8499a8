// What a partner must see, whatever its transport; one line a check.

import { Code } from "@connectrpc/connect";
import { JobState } from "./gen/postern/v1/job_pb.js";
import { type Partner, why } from "./partner.js";

export let failures = 0;

/** Submits a job of its own; `key` is one that nobody had. */
export async function checkPartner(partner: Partner, key: string) {
  const job = await partner.submit("contacts.import", key, payload(key));
  check("a submitted job is queued", job.state === JobState.QUEUED, job.state);
  const again = await partner.submit("contacts.import", key, payload(key));
  check("the same key gives the same job", again.jobId === job.jobId, again.jobId);

  const [first] = await collect(partner.watch(job.jobId), 1);
  const seen = [first!, ...(await collect(partner.watch(job.jobId, first!.revision)))];
  const revisions = seen.map((job) => job.revision);
  check("a watch that was cut resumes after the revision it had", rises(revisions), revisions);
  const last = seen.at(-1)!;
  check("it ends with SUCCEEDED", last.state === JobState.SUCCEEDED, last.state);
  check("the result is there", last.result?.inserted === 1, last.result);

  await checkError(partner, `${key}-wrong`);
}

async function checkError(partner: Partner, key: string) {
  try {
    await partner.submit("contacts.import", key, { account: "interop", contacts: [] });
    check("a payload that does not fit is refused", false, "accepted");
  } catch (error) {
    const { code, reason, violations } = why(error);
    check("a payload that does not fit is refused", code === Code.InvalidArgument, code);
    check("the error gives a reason", reason === "PAYLOAD_INVALID", reason);
    const fields = violations.map(({ field, reason }) => `${field} ${reason}`);
    check("the error names the field", fields.includes("/payload/reference REQUIRED"), fields);
  }
}

/** What a job is submitted with; the reference must be new. */
export function payload(reference: string) {
  return { account: "interop", reference, contacts: [{ email: `${reference}@example.com`, name: "X" }] };
}

/** What comes, to the end or until so many were seen. */
export async function collect<T>(stream: AsyncGenerator<T>, count = Infinity): Promise<T[]> {
  const seen: T[] = [];
  for await (const one of stream) {
    seen.push(one);
    if (seen.length === count) {
      break;
    }
  }
  return seen;
}

export function rises(numbers: number[]): boolean {
  return numbers.every((number, at) => at === 0 || number > numbers[at - 1]!);
}

export function check(name: string, holds: boolean, seen: unknown) {
  failures += holds ? 0 : 1;
  console.log(holds ? `ok ${name}` : `FAIL ${name}: ${JSON.stringify(seen)}`);
}
