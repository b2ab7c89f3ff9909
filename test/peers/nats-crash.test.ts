import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createNatsStore } from "#adapters/nats/mod.ts";
import { crashEverywhere, createScaledTime, type Point } from "#events/testing/mod.ts";
import { type Box, createBox, cycle } from "#test/events/runtime/toy.ts";
import { type NatsServer, startNatsServer } from "./nats-server.ts";
import { peer } from "./peer.ts";

const program = peer("nats-server");

describe.skipIf(!program)("a worker hit around an act, on a real nats-server", () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await startNatsServer(program ?? "");
  });
  afterAll(() => server.close());

  // Around the first act's intent, gate and outcome: what the other acts repeat.
  const critical = ({ index, label }: Point) => index < 24 && /intent|outcome|press/.test(label);
  let sites = 0;

  for (const how of ["crash", "stop"] as const) {
    test(`at most once, with a worker that ${how === "crash" ? "dies" : "freezes"} there`, async () => {
      const histories = await crashEverywhere(
        cycle,
        {
          world: (clock) => createBox(clock, { losesAnswers: true }),
          ports: (box: Box) => ({ box: box.port }),
          data: { machine: "box" },
          time: () => createScaledTime(40),
          store: () => createNatsStore({ servers: [server.url], site: `s${sites++}` }),
        },
        ({ world, status }) => {
          expect(status).toBe("ok");
          expect(world.did).toEqual({ on: 1, off: 1 });
        },
        { how, at: critical },
      );
      expect(histories.length).toBeGreaterThan(5);
    }, 600_000);
  }
});
