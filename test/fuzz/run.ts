import { parseArgs } from "node:util";
import { fuzzIpmi } from "./ipmi.ts";
import { createDice, type Dice } from "./mutate.ts";
import { fuzzRedfish } from "./redfish.ts";

/**
 * `npm run fuzz -- --seed N --count C` (default 1,000,000 of each): mutated IPMI datagrams and Redfish bodies through everything that reads
 * them. Ends with one JSON line; what must not be is shown with its input, and the seed that makes it again.
 */
const { values } = parseArgs({ options: { seed: { type: "string" }, count: { type: "string" } } });
const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
const count = Number(values.count ?? 1_000_000);

/** Answers how many went well: all, or those before the first that did not. */
function fuzz(name: string, one: (dice: Dice) => void): number {
  const dice = createDice(seed);
  const started = performance.now();
  for (let done = 0; done < count; done += 1) {
    try {
      one(dice);
    } catch (error) {
      process.stderr.write(`${name}, seed ${seed}, after ${done}: ${error instanceof Error ? error.stack : String(error)}\n`);
      return done;
    }
  }
  process.stdout.write(`${name}: ${count} in ${((performance.now() - started) / 1000).toFixed(1)} s, seed ${seed}\n`);
  return count;
}

const done = { ipmi: fuzz("IPMI datagrams", fuzzIpmi), redfish: fuzz("Redfish bodies", fuzzRedfish) };
const ok = done.ipmi === count && done.redfish === count;
process.stdout.write(`${JSON.stringify({ ok, seed, ...done })}\n`);
process.exitCode = ok ? 0 : 1;
