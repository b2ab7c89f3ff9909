import type { Clock, Entry, Stop } from "#events";
import { ProblemError } from "./problem.ts";

/** How a run's journal can be followed. */
type Follow = (onEntry: (entry: Entry, seq: number) => void) => Promise<Stop>;

/** Server-sent events of journals, and their end. */
export interface Streams {
  /** A live journal as `text/event-stream`, from after position `after`; ends behind the `finished` entry. */
  open(follow: Follow, after: number): Promise<Response>;
  /** Ends all of them: the server stops. */
  end(): void;
}

const most = 200;
const mostBuffered = 4 * 1024 * 1024;

/**
 * @param options.heartbeatMs how often a silent stream shows that it lives
 */
export function createStreams(options: { clock: Clock; heartbeatMs: number }): Streams {
  const open = new Set<AbortController>();
  return {
    end() {
      for (const stream of open) stream.abort();
    },
    async open(follow, after) {
      if (open.size >= most) {
        throw new ProblemError(503, "LO_HTTP_STREAMS", `${most} streams are open already`, { hint: "Close some, and try again" });
      }
      const over = new AbortController();
      open.add(over);
      over.signal.addEventListener("abort", () => open.delete(over), { once: true });
      const { body, pipe } = createPipe(over);
      try {
        const stop = await follow((entry, seq) => {
          if (seq > after) pipe(`id: ${seq}\nevent: ${entry.is}\ndata: ${JSON.stringify(entry)}\n\n`);
          if (entry.is === "finished") over.abort();
        });
        if (over.signal.aborted) void stop();
        else over.signal.addEventListener("abort", () => void stop(), { once: true });
      } catch (error) {
        over.abort();
        throw error;
      }
      void beat(options, over.signal, () => pipe(": still here\n\n"));
      return new Response(body, {
        headers: { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" },
      });
    },
  };
}

/** A stream of text that closes when `over` aborts, and aborts it when its reader is gone or does not keep up. */
function createPipe(over: AbortController): { body: ReadableStream<Uint8Array>; pipe: (text: string) => void } {
  const encoder = new TextEncoder();
  let pipe = (_: string) => {};
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        pipe = (text) => {
          if (over.signal.aborted) return;
          controller.enqueue(encoder.encode(text));
          // Who reads too slowly comes back with Last-Event-ID; kept for ever it would be our memory.
          if ((controller.desiredSize ?? 0) <= 0) over.abort();
        };
        over.signal.addEventListener("abort", () => closeQuietly(controller), { once: true });
      },
      cancel: () => over.abort(),
    },
    { highWaterMark: mostBuffered, size: (chunk) => chunk.byteLength },
  );
  return { body, pipe: (text) => pipe(text) };
}

function closeQuietly(controller: ReadableStreamDefaultController): void {
  try {
    controller.close();
  } catch {
    // Its reader cancelled it: it is closed.
  }
}

async function beat({ clock, heartbeatMs }: { clock: Clock; heartbeatMs: number }, signal: AbortSignal, pulse: () => void): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(heartbeatMs, signal).then(pulse, () => undefined);
  }
}
