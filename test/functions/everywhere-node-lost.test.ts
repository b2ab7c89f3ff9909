import nodeLost from "#functions/node-lost.ts";
import { machine, tellEverywhere } from "./everywhere.ts";

tellEverywhere({ spec: nodeLost, data: { machine }, prepare: (world) => world.machine(machine).hang(), ends: "on", off: 1, on: 1 }, [
  ["honest", "crash"],
  ["honest", "stop"],
  ["slow", "crash"],
  ["lying", "stop"],
  ["answer-losing", "crash"],
]);
