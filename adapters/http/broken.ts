import { type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { ProblemError, problemOf } from "./problem.ts";

/** What Node's parser says, by its codes. Anything else is no HTTP. */
const known: Readonly<Record<string, readonly [status: number, detail: string]>> = {
  HPE_HEADER_OVERFLOW: [431, "The request's headers are larger than 16 KiB"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "The request did not arrive in time"],
  HPE_INVALID_EOF_STATE: [400, "The request ended early"],
};

/** Answers what is no request, or one that Node would answer by itself, with a problem as every other error: Node's own have no body. */
export function answerBroken(server: Server): void {
  const answering = new WeakMap<Duplex, ServerResponse>();
  server.on("request", (incoming, outgoing) => answering.set(incoming.socket, outgoing));
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    const [status, detail] = known[error.code ?? ""] ?? [400, `This is no HTTP request (${error.code ?? error.message})`];
    // An answer that has begun cannot be taken back; a second one behind it would be another request's.
    if (error.code === "ECONNRESET" || !socket.writable || answering.get(socket)?.headersSent) socket.destroy();
    else socket.end(raw(new ProblemError(status, "LO_HTTP_REQUEST", detail)), () => socket.destroy());
  });
  server.on("connect", (_, socket) =>
    socket.end(raw(new ProblemError(405, "LO_HTTP_METHOD", "This is no proxy", { headers: { allow: "GET" } }))),
  );
  server.on("checkExpectation", (incoming, outgoing) => {
    const { headers, status, text } = problemOf(
      new ProblemError(417, "LO_HTTP_REQUEST", `Expect: ${incoming.headers.expect} is not known`),
    );
    outgoing.writeHead(status, headers).end(text);
  });
}

/** A whole answer, behind which the connection ends. */
function raw(problem: ProblemError): string {
  const { headers, status, text } = problemOf(problem);
  const all = { ...headers, connection: "close", "content-length": String(Buffer.byteLength(text)) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("\r\n")}\r\n\r\n${text}`;
}
