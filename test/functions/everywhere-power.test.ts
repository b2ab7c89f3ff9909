import drill from "#functions/drill.ts";
import powerCycle from "#functions/power-cycle.ts";
import powerOff from "#functions/power-off.ts";
import powerOn from "#functions/power-on.ts";
import type { FakeWorld } from "#functions/testing/mod.ts";
import { agreeing, machine, tellEverywhere } from "./everywhere.ts";

tellEverywhere({ spec: powerOff, where: "by Talos", data: { machine, hard: false }, ends: "off", off: 1, on: 0 }, [
  ["honest", "crash"],
  ["lying", "stop"],
]);

const silent = (world: FakeWorld) => Object.assign(world.machine(machine).system.faults, { silent: true });
tellEverywhere({ spec: powerOff, where: "by the BMC", data: { machine, hard: false }, prepare: silent, ends: "off", off: 1, on: 0 }, [
  ["honest", "crash"],
  ["honest", "stop"],
  ["lying", "crash"],
  ["answer-losing", "stop"],
  // That it still runs says nothing of a shutdown that it was asked for: a person is asked.
  ["deaf", "crash", "parked"],
]);

tellEverywhere({ spec: powerOn, data: { machine }, prepare: (world) => world.machine(machine).press("off"), ends: "on", off: 0, on: 1 }, [
  ["honest", "crash"],
  ["honest", "stop"],
  ["slow", "stop"],
  ["lying", "crash"],
  ["answer-losing", "crash"],
  ["deaf", "stop"],
]);

tellEverywhere({ spec: powerCycle, data: { machine, hard: true }, ends: "on", off: 1, on: 1 }, [
  ["honest", "crash"],
  ["honest", "stop"],
  ["slow", "stop"],
  ["lying", "crash"],
  ["answer-losing", "stop"],
  ["deaf", "crash"],
]);

tellEverywhere({ spec: drill, data: { machine }, meanwhile: agreeing, ends: "on", off: 1, on: 1 }, [
  ["honest", "crash"],
  ["slow", "stop"],
  ["answer-losing", "crash"],
]);
