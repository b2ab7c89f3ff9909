import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { dnsmasqOf } from "#config/config-desk.ts";
import { loadConfig } from "#config/load.ts";

const at = (path: string) => new URL(`../../${path}`, import.meta.url);
const secrets = { CP_01_BMC_PASSWORD: "a", R740_01_BMC_PASSWORD: "b", WS_01_BMC_PASSWORD: "c" };

test("the dnsmasq configuration in deploy/ is the one of the example", () => {
  const { config } = loadConfig(at("config/example.yaml").pathname, { env: secrets });
  expect(dnsmasqOf(config)).toBe(readFileSync(at("deploy/dnsmasq/lightsout.conf"), "utf8"));
});
