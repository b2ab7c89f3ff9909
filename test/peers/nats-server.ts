import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "./free-port.ts";

export interface NatsServer {
  readonly url: string;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
  /** Starts it again, on the same port and data, unless it runs. */
  start(): Promise<void>;
  /** Ends it and removes its data. */
  close(): Promise<void>;
}

/** Starts three servers that are one cluster: each stream and bucket may live on all of them. */
export async function startNatsCluster(program: string): Promise<NatsServer[]> {
  const routes = await Promise.all([freePort(), freePort(), freePort()]);
  const known = routes.map((port) => `"nats://127.0.0.1:${port}"`).join(", ");
  return Promise.all(
    routes.map((port, index) =>
      startNatsServer(program, `server_name: "lab-${index + 1}"\ncluster { name: lab, listen: "127.0.0.1:${port}", routes: [${known}] }`),
    ),
  );
}

/**
 * Starts a real nats-server with JetStream in a new folder, on a free port. `config` is added to its configuration.
 * @param fileStore how much JetStream may keep, as nats-server writes it; default what the disk has
 */
export async function startNatsServer(program: string, config = "", fileStore?: string): Promise<NatsServer> {
  const folder = mkdtempSync(join(tmpdir(), "lightsout-nats-"));
  const port = await freePort();
  const file = join(folder, "nats.conf");
  const limit = fileStore === undefined ? "" : `, max_file_store: ${fileStore}`;
  await writeFile(file, `listen: "127.0.0.1:${port}"\njetstream { store_dir: "${folder}/data"${limit} }\n${config}\n`);
  let child: ReturnType<typeof spawn> | undefined;
  const runs = () => child !== undefined && child.exitCode === null && child.signalCode === null;

  const server: NatsServer = {
    url: `127.0.0.1:${port}`,
    async start() {
      // A second one could not listen, and the first would outlive the test, known to nobody.
      if (!runs()) child = spawn(program, ["-c", file], { stdio: "ignore" });
      for (let tries = 0; !(await answers(port)); tries += 1) {
        if (tries === 1000) throw new Error(`${program} does not answer on port ${port}`);
        await pause(15);
      }
    },
    async kill() {
      if (!child || !runs()) return;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
    async close() {
      await server.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

async function answers(port: number): Promise<boolean> {
  const socket = createConnection(port, "127.0.0.1");
  try {
    await once(socket, "data");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
