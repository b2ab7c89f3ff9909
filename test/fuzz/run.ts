import { Command } from "commander";
import { whole } from "#test/whole.ts";
import { createApiFuzz } from "./api.ts";
import { createConfigFuzz } from "./config.ts";
import { fuzzIpmi } from "./ipmi.ts";
import { createDice, type Dice } from "./mutate.ts";
import { fuzzRedfish } from "./redfish.ts";

/**
 * `npm run fuzz -- --seed N --count C` (default 1,000,000): so many mutated IPMI datagrams and Redfish bodies through everything that reads
 * them, a fiftieth as many requests made from the OpenAPI document to a server that listens, and a hundredth as many hostile configurations.
 * Ends with one JSON line; what must not be is shown with its input, and the seed that makes it again.
 */
const { seed, count } = new Command("fuzz")
  .option("--seed <number>", "makes a run again", whole(0), Date.now() % 1_000_000_000)
  .option("--count <number>", "how many datagrams, and how many bodies", whole(1), 1_000_000)
  .parse()
  .opts<{ seed: number; count: number }>();
let ok = true;

/** Answers how many went well: all, or those before the first that did not. */
async function fuzz(name: string, rounds: number, one: (dice: Dice) => void | Promise<void>): Promise<number> {
  const dice = createDice(seed);
  const started = performance.now();
  for (let done = 0; done < rounds; done += 1) {
    try {
      const going = one(dice);
      // Waiting for what is done already would take longer than doing it.
      if (going) await going;
    } catch (error) {
      process.stderr.write(`${name}, seed ${seed}, after ${done}: ${error instanceof Error ? error.stack : String(error)}\n`);
      ok = false;
      return done;
    }
  }
  process.stdout.write(`${name}: ${rounds} in ${((performance.now() - started) / 1000).toFixed(1)} s, seed ${seed}\n`);
  return rounds;
}

const api = await createApiFuzz();
const config = createConfigFuzz();
const done = {
  ipmi: await fuzz("IPMI datagrams", count, fuzzIpmi),
  redfish: await fuzz("Redfish bodies", count, fuzzRedfish),
  api: await fuzz("HTTP requests", Math.ceil(count / 50), api.one),
  config: await fuzz("configurations", Math.ceil(count / 100), config.one),
};
config.close();
await api.close();
process.stdout.write(`${JSON.stringify({ ok, seed, ...done })}\n`);
process.exitCode = ok ? 0 : 1;
