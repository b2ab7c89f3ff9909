import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { runIpxe } from "./ipxe.ts";

const settings = { uuid: "u-1", serial: "SN 1/2", "netX/mac": "02:aa:bb:cc:dd:ee", platform: "efi", buildarch: "x86_64" };

/** Runs a script that is served at `http://boot/script`, beside other files. */
async function run(script: string, files: Readonly<Record<string, string>> = {}, more: Readonly<Record<string, string>> = {}) {
  const said: string[] = [];
  const asked: string[] = [];
  const served: Record<string, string> = { "http://boot/script": script, ...files };
  const end = await runIpxe("http://boot/script", {
    settings: { ...settings, ...more },
    get: async (url) => {
      asked.push(url);
      return served[url] === undefined ? undefined : Buffer.from(served[url]);
    },
    isKernel: (bytes) => bytes.toString().startsWith("kernel"),
    say: (line) => said.push(line),
  });
  return { end, said, asked: asked.slice(1) };
}

const leave = (how: string) => ({ is: "leave", how });

describe("a script", () => {
  test("asks with what tells the machine from others, and goes on with what it is given", async () => {
    const first = [
      "#!ipxe",
      `chain --replace http://boot/ipxe?uuid=\${uuid}&mac=\${netX/mac:hexhyp}&serial=\${serial:uristring}&what=\${unknown} || goto disk`,
      ":disk",
      "exit",
    ].join("\n");
    const next = "http://boot/ipxe?uuid=u-1&mac=02-aa-bb-cc-dd-ee&serial=SN%201%2F2&what=";
    const { end, said } = await run(first, { [next]: "#!ipxe\necho the   second\nexit 1\n" });
    expect([end, said]).toEqual([leave("exit 1"), ["the second"]]);
    expect((await run(first)).end).toEqual(leave("exit 0"));
  });

  test("boots a kernel with its arguments and initramfs", async () => {
    const script =
      "#!ipxe\nimgfree\nkernel http://boot/k a=b c || goto disk\ninitrd http://boot/i || goto disk\nboot || goto disk\n:disk\nexit";
    const { end } = await run(script, { "http://boot/k": "kernel 1", "http://boot/i": "initramfs" });
    expect(end).toMatchObject({ is: "boot", args: ["a=b", "c"] });
    expect((await run(script, { "http://boot/k": "kernel 1" })).end).toEqual(leave("exit 0"));
    expect((await run(script, { "http://boot/k": "<html>", "http://boot/i": "initramfs" })).end).toEqual(leave("exit 0"));
  });

  test.each([
    ["efi", "exit 1"],
    ["pcbios", "exit 0"],
  ])("leaves for the disk as it suits %s", async (platform, how) => {
    const script = `#!ipxe\n:disk\niseq \${platform} efi && goto efi ||\nexit\n:efi\nexit 1\n`;
    expect((await run(script, {}, { platform })).end).toEqual(leave(how));
  });

  test("starts the disk itself, or ends with the first line that fails", async () => {
    expect((await run("#!ipxe\nsanboot --no-describe --drive 0x80 || exit 1\n")).end).toEqual(leave("sanboot"));
    expect((await run("#!ipxe\nfrobnicate\nexit 1\n")).end).toEqual(leave("failed: frobnicate"));
    expect((await run("#!ipxe\necho done\n")).end).toEqual(leave("the script has ended"));
    expect((await run("#!ipxe\n:again\ngoto again\n")).end).toEqual(leave("the script goes round in circles"));
    expect((await run("<html>")).end).toEqual(leave("there is no script at http://boot/script"));
  });

  test("of any lines comes to an end", async () => {
    const word = fc.constantFrom(
      "echo",
      "goto",
      "a",
      ":a",
      "||",
      "&&",
      "exit",
      "boot",
      "kernel",
      "http://boot/script",
      "chain",
      "iseq",
      `\${uuid}`,
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(word, { maxLength: 6 }), { maxLength: 12 }), async (lines) => {
        const script = ["#!ipxe", ...lines.map((words) => words.join(" "))].join("\n");
        expect((await run(script)).end.is).toBe("leave");
      }),
      { numRuns: 300 },
    );
  });
});
