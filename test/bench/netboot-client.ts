import { Agent, get } from "node:http";
import { parentPort, workerData } from "node:worker_threads";

/** The machines of a boot storm, in their own thread so that they do not take the server's: each gets its paths one after another. */
const { url, machines } = workerData as { readonly url: string; readonly machines: readonly (readonly string[])[] };

/** Gets a path whole; a placeholder in it is filled with what the script before it offered. */
function fetchPath(agent: Agent, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(`${url}${path}`, { agent }, (reply) => {
      const small: Buffer[] = [];
      const keep = path.startsWith("/ipxe");
      reply.on("data", (chunk: Buffer) => keep && small.push(chunk));
      reply.on("end", () =>
        reply.statusCode === 200 ? resolve(Buffer.concat(small).toString()) : reject(new Error(`${path}: ${reply.statusCode}`)),
      );
      reply.on("error", reject);
    }).on("error", reject);
  });
}

async function boot(paths: readonly string[]): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let token = "";
  for (const path of paths) {
    const body = await fetchPath(agent, path.replace("TOKEN", token));
    token = /\/config\/(\S+)/.exec(body)?.[1] ?? token;
  }
  agent.destroy();
}

const started = performance.now();
await Promise.all(machines.map(boot));
parentPort?.postMessage(performance.now() - started);
