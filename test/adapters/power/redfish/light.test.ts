import { expect, test } from "vitest";
import { UnsupportedError } from "#events";
import { type PersonalityName, personalities } from "#test/lab/redfish-personalities.ts";
import { createRig } from "./rig.ts";

test.each(Object.keys(personalities) as PersonalityName[])("%s blinks for its time, and stops when told to", async (maker) => {
  const rig = await createRig(maker);
  const { light } = personalities[maker];
  const [on, off] = light === "IndicatorLED" ? ["Blinking", "Off"] : [true, false];
  // A write that was refused for its ETag is made again.
  const written = () =>
    rig.bmc.requests
      .filter(({ method }) => method === "PATCH")
      .map(({ body }) => (body as Record<string, unknown>)[light])
      .filter((value, index, all) => value !== all[index - 1]);
  const power = rig.power();
  expect((await power.capabilities()).has("identify")).toBe(true);
  await power.identify(2);
  await expect.poll(written, { timeout: 20_000 }).toEqual([on, off]);
  await power.identify(200);
  await power.identify(0);
  expect(written()).toEqual([on, off, on, off]);
  await rig.close();
});

test("a system that shows no light is refused by type, and nothing is written", async () => {
  const rig = await createRig("dell");
  const system = `/redfish/v1/Systems/${personalities.dell.ids.system}`;
  const { uuid: UUID, serial: SerialNumber } = rig.host.identity;
  rig.bmc.intercept = ({ method, path }) =>
    method === "GET" && path === system ? { status: 200, body: { UUID, SerialNumber, PowerState: "On" } } : undefined;
  const power = rig.power();
  expect((await power.capabilities()).has("identify")).toBe(false);
  const error = await power.identify(5).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UnsupportedError);
  expect(error).toMatchObject({ message: expect.stringContaining("no locator light"), hint: expect.stringContaining("serial number") });
  expect(rig.asked().filter((line) => line.startsWith("PATCH"))).toEqual([]);
  await rig.close();
});
