import { describe, test } from "vitest";
import { peer } from "#test/peers/peer.ts";
import { fleetStorm } from "./fleet.ts";
import { openPlace, type StoreName } from "./site.ts";
import { storm } from "./storm.ts";

const programs = { nats: peer("nats-server") ?? "", newNats: process.env.NATS_SERVER_NEW ?? "" };
const stores: readonly { name: StoreName; missing: boolean }[] = [
  { name: "embedded", missing: false },
  { name: "nats", missing: programs.nats === "" },
  { name: "cluster", missing: programs.newNats === "" },
];

/** A short round of what `npm run chaos` does a thousand times. */
describe.concurrent.each(stores)("workers killed, stopped and put into another time at random, store: $name", ({ name, missing }) => {
  test.skipIf(missing)("nothing is lost, doubled or stuck", { timeout: 240_000 }, async ({ expect, onTestFinished }) => {
    const place = await openPlace(name, programs);
    onTestFinished(() => place.close());
    const said: string[] = [];
    const figures = await storm(place, { rounds: 5, seed: 11, mix: "quick", say: (line) => said.push(line) });
    expect(figures, said.join("\n")).toMatchObject({ rounds: 5, lost: 0, doubled: 0, stuck: 0 });
  });
});

test("BMCs behind lines that lose, double, delay and damage: nothing is lost, doubled or stuck", { timeout: 240_000 }, async ({
  expect,
}) => {
  const said: string[] = [];
  const figures = await fleetStorm({ rounds: 25, seed: 3, say: (line) => said.push(line) });
  expect(figures, said.join("\n")).toMatchObject({ rounds: 25, lost: 0, doubled: 0, stuck: 0 });
});
