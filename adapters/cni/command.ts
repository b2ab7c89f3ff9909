import { spawn } from "node:child_process";
import { explain, LightsoutError } from "#events";

/** What programs need to find others, their files and the way out. Everything else of our environment may hold secrets. */
const passed = ["PATH", "HOME", "LANG", "TMPDIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];
/** How much of what a program says last is kept, in characters. */
const kept = 1000;
/** From the request to end to the end by force. */
const graceMs = 5000;

/**
 * Runs a program until it ends well. Its output is not kept but for the end of it, where it fails. At the deadline, or when the signal says
 * so, it is ended with everything it has started. Throws `LO_CNI`.
 */
export async function runCommand(
  [program = "", ...args]: readonly string[],
  options: { environment: Readonly<Record<string, string>>; timeoutMs: number; signal?: AbortSignal | undefined },
): Promise<void> {
  const { environment, timeoutMs, signal } = options;
  const own = Object.fromEntries(passed.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
  const late = AbortSignal.timeout(timeoutMs);
  const stop = signal ? AbortSignal.any([signal, late]) : late;
  stop.throwIfAborted();
  // A group of its own, so that what it has started ends with it.
  const child = spawn(program, args, { env: { ...own, ...environment }, stdio: ["ignore", "pipe", "pipe"], detached: true });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-kept);
    });
  }
  let force: NodeJS.Timeout | undefined;
  const end = () => {
    signalGroup(child.pid, "SIGTERM");
    force = setTimeout(() => signalGroup(child.pid, "SIGKILL"), graceMs);
  };
  stop.addEventListener("abort", end, { once: true });
  try {
    const how = await new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(`cannot be started: ${explain(error)}`));
      child.once("close", (code, killed) => resolve(code === 0 ? "" : code === null ? `was ended by ${killed}` : `ended with ${code}`));
    });
    if (late.aborted) throw failed(program, `has not ended in ${Math.round(timeoutMs / 1000)} s`, said);
    signal?.throwIfAborted();
    if (how !== "") throw failed(program, how, said);
  } finally {
    stop.removeEventListener("abort", end);
    // Its number may be another one's by then.
    clearTimeout(force);
  }
}

function signalGroup(pid: number | undefined, name: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, name);
  } catch {
    // It has ended meanwhile.
  }
}

const failed = (program: string, how: string, said: string) =>
  new LightsoutError("LO_CNI", `${program} ${how}${said.trim() === "" ? "" : `: …${said.trim()}`}`, {
    hint: "Run it by hand with KUBECONFIG set, then correct cni.command in lightsout.yaml",
  });
