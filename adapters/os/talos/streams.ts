import type { ClientHttp2Stream } from "node:http2";

/**
 * A stream that is given up while it is still being sent is reset and nothing else. Node itself ends it first and then resets it
 * (`Http2Stream.close`), and to the machine the half that it has would look whole.
 */
export function wholeOrReset(stream: ClientHttp2Stream): ClientHttp2Stream {
  const close = stream.close.bind(stream);
  stream.close = (code, done) => {
    if (stream.writableEnded) return close(code, done);
    if (done) stream.once("close", done);
    stream.destroy(new Error("given up before all was sent"));
  };
  return stream;
}
