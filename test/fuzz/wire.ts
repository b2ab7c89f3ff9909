import { once } from "node:events";
import { connect } from "node:net";
import type { Answered } from "#test/adapters/http/referee.ts";

/** Sends bytes to a server and reads its answer; `undefined` where it closed without one. What is live is left when it begins. */
export async function exchange(port: number, bytes: Buffer, end: boolean): Promise<Answered | undefined> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => undefined);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    if (Buffer.concat(chunks).includes("content-type: text/event-stream")) socket.destroy();
  });
  socket.on("end", () => socket.end());
  socket.write(bytes);
  if (end) socket.end();
  await once(socket, "close");
  return read(Buffer.concat(chunks));
}

/** The answer in the bytes, behind what says that it goes on (1xx). */
function read(bytes: Buffer): Answered | undefined {
  const split = bytes.indexOf("\r\n\r\n");
  const [first = "", ...lines] = bytes.subarray(0, Math.max(0, split)).toString("latin1").split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1]);
  if (split < 0 || Number.isNaN(status)) return undefined;
  const rest = bytes.subarray(split + 4);
  if (status < 200) return read(rest);
  const headers = new Headers();
  for (const line of lines) headers.append(line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim());
  return { status, headers, text: (headers.get("transfer-encoding") === "chunked" ? joined(rest) : rest).toString("utf8") };
}

function joined(bytes: Buffer): Buffer {
  const end = bytes.indexOf("\r\n");
  const size = Number.parseInt(bytes.subarray(0, Math.max(0, end)).toString(), 16);
  if (end < 0 || !(size > 0)) return Buffer.alloc(0);
  return Buffer.concat([bytes.subarray(end + 2, end + 2 + size), joined(bytes.subarray(end + size + 4))]);
}
