/** Bytes on their way, and what their source broke off with: that is no failure of the place they go to. */
export interface Source {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** `undefined` while the source has not failed. */
  failure(): { readonly error: unknown } | undefined;
}

/** Passes the bytes on until they end or the signal ends them: a source that says nothing more is not waited for. */
export function follow(from: AsyncIterable<Uint8Array>, signal?: AbortSignal): Source {
  let failure: { readonly error: unknown } | undefined;
  async function* through(): AsyncGenerator<Uint8Array, void> {
    const iterator = from[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await unlessAborted(iterator.next(), signal).catch((error: unknown) => {
          failure = { error };
          throw error;
        });
        if (next.done) return;
        yield next.value;
      }
    } finally {
      // Its end comes after what it is still asked for, which may be never.
      iterator.return?.().catch(() => undefined);
    }
  }
  return { bytes: through(), failure: () => failure };
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await work;
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
    work.catch(() => undefined);
  }
}
