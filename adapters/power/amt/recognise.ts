import { request as plain } from "node:http";
import { request as overTls } from "node:https";

/** Where Intel AMT answers: HTTP up to AMT 15, TLS alone from 16 on. */
const ports = [
  [16_993, overTls],
  [16_992, plain],
] as const;

/** Intel AMT at an address, by its own word. */
export interface AmtFound {
  readonly port: number;
  /** As `Intel(R) Active Management Technology 16.1.25`. */
  readonly server: string;
}

/** Asks both ports for AMT's web page, which names it without a login; `undefined` where it does not answer. Never rejects. */
export async function recogniseAmt(host: string, signal: AbortSignal): Promise<AmtFound | undefined> {
  const found = await Promise.all(ports.map(([port, request]) => ask(host, port, request, signal)));
  return found.find((one) => one !== undefined);
}

function ask(host: string, port: number, request: typeof overTls, signal: AbortSignal): Promise<AmtFound | undefined> {
  return new Promise((resolve) => {
    // Its certificate is its own, and nothing that it says is believed but its name.
    const asking = request({ host, port, path: "/", signal, rejectUnauthorized: false, agent: false }, (answer) => {
      const server = String(answer.headers.server ?? "");
      answer.destroy();
      resolve(/active management technology/i.test(server) ? { port, server: server.slice(0, 100) } : undefined);
    });
    asking.on("error", () => resolve(undefined));
    asking.end();
  });
}
