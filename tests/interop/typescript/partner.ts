// A partner in TypeScript, on Node or in a browser: this file is what to copy. node.ts and page.ts show the two transports.

import type { JsonObject } from "@bufbuild/protobuf";
import { type Client, ConnectError, type Interceptor, type Transport, createClient } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import { type Job } from "./gen/postern/v1/job_pb.js";
import { JobService } from "./gen/postern/v1/job_service_pb.js";

/** Submits jobs and learns what became of them. */
export class Partner {
  private readonly jobs: Client<typeof JobService>;

  /** Takes a transport that has `bearer` among its interceptors. */
  constructor(transport: Transport) {
    this.jobs = createClient(JobService, transport);
  }

  /** Hands a job over once, however often it is called with this key. */
  async submit(jobType: string, key: string, payload: JsonObject): Promise<Job> {
    const answer = await this.jobs.submitJob({ jobType, requestId: key, payload }, { timeoutMs: 10_000 });
    return answer.job!;
  }

  /**
   * The job as it is, then at every change until it has ended. Whoever breaks off, or is cut off, goes on with the revision seen
   * last; without one it begins anew.
   */
  async *watch(jobId: string, afterRevision?: number): AsyncGenerator<Job> {
    // A loop that is left early would leave the call open.
    const left = new AbortController();
    try {
      for await (const answer of this.jobs.watchJob({ jobId, afterRevision }, { signal: left.signal })) {
        yield answer.job!;
      }
    } finally {
      left.abort();
    }
  }
}

/** Sends the access token with every call. */
export function bearer(token: string): Interceptor {
  return (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
}

/** What an error carries besides its code and message: a reason to branch on, and the fields that do not fit. */
export function why(error: unknown) {
  const failed = ConnectError.from(error);
  return {
    code: failed.code,
    reason: failed.findDetails(ErrorInfoSchema)[0]?.reason,
    violations: failed.findDetails(BadRequestSchema).flatMap((detail) => detail.fieldViolations),
  };
}
