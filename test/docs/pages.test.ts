import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { startLab } from "#config/lab.ts";
import { typePage } from "./typed.ts";

test("the tutorial's commands say what it shows", { timeout: 600_000 }, async (context) => {
  await typePage("docs/tutorial.md", context);
});

test("a run that cannot know says what the page on crashes shows", { timeout: 600_000 }, async (context) => {
  const { lightsout, rack, close } = await startLab({ log: { fact: () => undefined, note: () => undefined } });
  context.onTestFinished(close);
  const { count, faults, onChange, power } = rack.host("gpu-01");
  await typePage("docs/crash.md", context, {
    url: lightsout.url,
    scenes: {
      "the BMC of gpu-01 falls silent when it has cut the power"() {
        onChange(() => {
          if (power() === "off" && count.on === 0) faults.bmcDead = true;
        });
      },
      "it answers again"() {
        faults.bmcDead = false;
      },
    },
  });
});

test("no page shows commands with their output that are not typed here", () => {
  const docs = new URL("../../docs/", import.meta.url);
  const shown = readdirSync(docs).filter((page) => readFileSync(new URL(page, docs), "utf8").includes("```console"));
  expect(shown).toEqual(["crash.md", "tutorial.md"]);
});
