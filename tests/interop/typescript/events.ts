// Follows a job over REST and server-sent events in a browser. EventSource can send no token, so this reads the stream of fetch.

/** One message: its id, to resume after, and the job as JSON. */
export interface Event {
  id: string;
  job: { jobId: string; state: string; revision: number };
}

/** The job as it is, then at every change until it has ended; after `lastEventId`, what is newer alone. */
export async function* follow(url: string, token: string, lastEventId?: string): AsyncGenerator<Event> {
  const left = new AbortController();
  const headers = new Headers({ accept: "text/event-stream", authorization: `Bearer ${token}` });
  if (lastEventId !== undefined) {
    headers.set("last-event-id", lastEventId);
  }
  try {
    const answer = await fetch(url, { headers, signal: left.signal });
    if (!answer.ok) {
      throw new Error(await answer.text());
    }
    for await (const { event, id = "", data = "" } of blocks(answer)) {
      if (event === "done") {
        return;
      }
      if (event === "failed") {
        throw new Error(data);
      }
      if (data !== "") {
        yield { id, job: JSON.parse(data) };
      }
    }
  } finally {
    left.abort();
  }
}

/** The fields of each event; comments are left out. An answer without a body (204: nothing newer, and ended) has none. */
async function* blocks(answer: Response): AsyncGenerator<Record<string, string>> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of answer.body ?? []) {
    const texts = (rest + decoder.decode(bytes, { stream: true })).split("\n\n");
    rest = texts.pop()!;
    for (const text of texts) {
      const fields = text.split("\n").map((line) => line.split(/: ?(.*)/s, 2));
      yield Object.fromEntries(fields);
    }
  }
}
