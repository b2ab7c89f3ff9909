import { latency } from "./latency.ts";
import { netboot } from "./netboot.ts";
import { runs } from "./runs.ts";
import { sweep } from "./sweep.ts";

/** `npm run bench -- <name>`: figures side by side in one run, ending with one JSON line whose `ratios` hold them. */
const benches: Readonly<Record<string, () => Promise<Readonly<Record<string, number>>>>> = { latency, netboot, runs, sweep };

const name = process.argv[2] ?? "runs";
const bench = benches[name];
if (!bench) {
  process.stderr.write(`there is no bench "${name}"; there are ${Object.keys(benches).join(", ")}\n`);
  process.exitCode = 2;
} else {
  const ratios = await bench();
  process.stdout.write(`${JSON.stringify({ bench: name, ratios })}\n`);
}
