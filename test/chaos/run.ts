import { Command, Option } from "commander";
import { peer } from "#test/peers/peer.ts";
import { whole } from "#test/whole.ts";
import { fleetStorm } from "./fleet.ts";
import type { Figures } from "./judge.ts";
import { openPlace, type StoreName } from "./site.ts";
import { type StormOptions, storm } from "./storm.ts";

/**
 * `npm run chaos -- --seed N --rounds R` (default 1,000): workers killed again and again, on the embedded store, on a NATS server and, where
 * a new enough one is at hand, on three of which any one dies; and a fleet of BMCs behind bad lines. `--store` names one of them. Ends with
 * one JSON line; exit code 0 when nothing was lost, doubled or stuck.
 */
const programs = { nats: peer("nats-server") ?? "", newNats: process.env.NATS_SERVER_NEW ?? "" };
const available = (["embedded", "nats", "cluster"] as const).filter(
  (name) => name === "embedded" || (name === "nats" ? programs.nats : programs.newNats) !== "",
);
const { seed, rounds, store } = new Command("chaos")
  .option("--seed <number>", "makes a run again", whole(0), Date.now() % 1_000_000_000)
  .option("--rounds <number>", "how many in all, shared out among the stages", whole(1), 1000)
  .addOption(new Option("--store <name>", "one stage only").choices([...available, "fleet"]))
  .parse()
  .opts<{ seed: number; rounds: number; store?: StoreName | "fleet" }>();
const stages = store === undefined ? ([...available, "fleet"] as const) : [store];
const share = Math.ceil(rounds / stages.length);
const say = (line: string) => process.stdout.write(`${line}\n`);

const all: Figures[] = [];
for (const name of stages) {
  say(`${name}: ${share} rounds, seed ${seed}`);
  const how = { rounds: share, seed, say: (line: string) => say(`${name}: ${line}`) };
  const figures = name === "fleet" ? await fleetStorm(how) : await onPlace(name, how);
  say(`${name}: ${JSON.stringify(figures)}`);
  all.push(figures);
}

async function onPlace(name: StoreName, how: StormOptions): Promise<Figures> {
  const place = await openPlace(name, programs);
  try {
    return await storm(place, how);
  } finally {
    await place.close();
  }
}

const sum = (key: keyof Figures) => all.reduce((total, figures) => total + figures[key], 0);
const ok = sum("lost") === 0 && sum("doubled") === 0 && sum("stuck") === 0;
const figures = {
  rounds: sum("rounds"),
  events: sum("events"),
  lost: sum("lost"),
  doubled: sum("doubled"),
  parked: sum("parked"),
  stuck: sum("stuck"),
};
say(JSON.stringify({ ok, ...figures }));
process.exit(ok ? 0 : 1);
