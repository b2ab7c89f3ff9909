import { systemClock } from "#events";
import { createHost } from "#test/lab/host.ts";
import { createIpmiBmc } from "#test/lab/ipmi-bmc.ts";

/** A process of its own with simulated BMCs, so that whoever is measured does not share a thread with them: says its ports, and ends with its input. */
const count = Number(process.argv[2]);
const bmcs = await Promise.all(
  Array.from({ length: count }, (_, index) => {
    const host = createHost({ name: `m${index}`, clock: systemClock, power: index % 3 === 0 ? "off" : "on" });
    return createIpmiBmc({ host, clock: systemClock, user: "admin", password: "secret" });
  }),
);
process.stdout.write(`${JSON.stringify(bmcs.map(({ port }) => port))}\n`);
process.stdin.resume().on("end", () => process.exit(0));
