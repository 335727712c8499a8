// The partner in a browser, over gRPC-Web and over REST with server-sent events. drive.ts opens index.html and calls `run`.

import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { check, checkPartner, collect, payload, rises } from "./checks.js";
import { follow } from "./events.js";
import { Partner, bearer } from "./partner.js";

async function run(edge: string, token: string) {
  const key = `browser-${crypto.randomUUID()}`;
  const partner = new Partner(createGrpcWebTransport({ baseUrl: edge, interceptors: [bearer(token)] }));
  await checkPartner(partner, key);

  const { jobId } = await partner.submit("contacts.import", `${key}-events`, payload(`${key}-events`));
  await checkEvents(`${edge}/v1/jobs/${jobId}`, token);
}

async function checkEvents(job: string, token: string) {
  const [first] = await collect(follow(`${job}:watch`, token), 1);
  const seen = [first!, ...(await collect(follow(`${job}:watch`, token, first!.id)))];
  const ids = seen.map((event) => Number(event.id));
  check("a stream of events that was cut resumes after Last-Event-ID", rises(ids), ids);
  check("it ends with JOB_STATE_SUCCEEDED", seen.at(-1)!.job.state === "JOB_STATE_SUCCEEDED", seen.at(-1));

  const polled = await fetch(job, { headers: { authorization: `Bearer ${token}` } });
  check("a page may read the headers of an answer", polled.headers.get("etag") === `"${ids.at(-1)}"`, [...polled.headers]);
}

Object.assign(globalThis, { run });
