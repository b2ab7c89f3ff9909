import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { readCsr } from "#adapters/cluster/kubernetes/csr.ts";
import { peer } from "./peer.ts";

const openssl = peer("openssl");

/** A request that openssl made, as Kubernetes carries it. */
async function request(...args: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "lightsout-csr-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const out = join(folder, "request.pem");
  await promisify(execFile)(openssl ?? "", ["req", "-new", "-nodes", "-keyout", join(folder, "key.pem"), "-out", out, ...args]);
  return (await readFile(out)).toString("base64");
}

const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
const node = "/O=system:nodes/CN=system:node:w1";

describe.skipIf(!openssl)("openssl's requests are read as they were meant", () => {
  test.each([
    ["an EC key", ec],
    ["an RSA key", ["-newkey", "rsa:2048"]],
    ["an Ed25519 key", ["-newkey", "ed25519"]],
  ])("with %s", async (_, key) => {
    const names = "subjectAltName=DNS:w1,DNS:w1.lab,IP:10.0.0.11,IP:fd00::11";
    expect(readCsr(await request(...key, "-subj", node, "-addext", names))).toEqual({
      commonName: "system:node:w1",
      organizations: ["system:nodes"],
      dnsNames: ["w1", "w1.lab"],
      addresses: ["10.0.0.11", "fd00::11"],
      others: 0,
    });
  });

  test("names of all other kinds are counted", async () => {
    const names = "subjectAltName=DNS:w1,email:root@example.com,URI:spiffe://lab/w1,RID:1.2.3.4,otherName:1.2.3.5;UTF8:x,dirName:dn";
    const config = join(mkdtempSync(join(tmpdir(), "lightsout-csr-")), "openssl.cnf");
    onTestFinished(() => rmSync(join(config, ".."), { recursive: true, force: true }));
    await writeFile(config, "[req]\ndistinguished_name=dn\n[dn]\nCN=other\n");
    expect(readCsr(await request(...ec, "-config", config, "-subj", node, "-addext", names))).toMatchObject({
      dnsNames: ["w1"],
      others: 5,
    });
  });

  test("without names, and with extensions that are none", async () => {
    const bare = { dnsNames: [], addresses: [], others: 0 };
    expect(readCsr(await request(...ec, "-subj", node))).toMatchObject(bare);
    expect(readCsr(await request(...ec, "-subj", node, "-addext", "basicConstraints=CA:TRUE"))).toMatchObject(bare);
  });

  test("two common names are one too many, two organizations are two", async () => {
    expect(readCsr(await request(...ec, "-subj", `${node}/CN=system:node:w2`))).toBeUndefined();
    expect(readCsr(await request(...ec, "-subj", `/O=system:masters${node}`))?.organizations).toEqual(["system:masters", "system:nodes"]);
  });

  test("letters of all alphabets arrive as they are, so that look-alikes do not match", async () => {
    const subject = "/O=system:nodes/CN=system:node:w\u0661";
    expect(readCsr(await request(...ec, "-utf8", "-subj", subject))?.commonName).toBe("system:node:w\u0661");
  });
});
