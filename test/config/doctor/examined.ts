import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Check } from "#adapters/cli/mod.ts";
import { type DoctorOptions, doctor } from "#config/doctor/doctor.ts";
import { systemClock } from "#events";
import { createRack, type Rack, type RackMachine } from "#test/lab/rack.ts";

/** A rack, and a folder with the configuration of it as an operator has it. */
export interface Examined {
  readonly rack: Rack;
  readonly folder: string;
  readonly file: string;
  /** Writes the configuration anew. */
  write(options: Written): void;
  /** What the doctor says. */
  ask(more?: Partial<DoctorOptions>): Promise<readonly Check[]>;
}

interface Written {
  readonly store?: string;
  readonly more?: Readonly<Record<string, unknown>>;
  readonly moreOf?: (machine: RackMachine) => Readonly<Record<string, unknown>>;
  /** Changes the text. */
  readonly edit?: (yaml: string) => string;
}

const three: readonly RackMachine[] = [
  { name: "cp-01", bmc: "dell", model: "PowerEdge R740", role: "control-plane" },
  { name: "gpu-01", bmc: "ipmi", model: "AS-4124GS-TNR" },
  { name: "worker-01", bmc: "none", model: "EliteDesk 800 G9" },
];

/** A rack that lives at the wall's pace, since certificates and clocks are judged by it. */
export async function examine(machines: readonly RackMachine[] = three): Promise<Examined> {
  const rack = await createRack({ machines, scale: 1, clock: systemClock });
  const folder = mkdtempSync(join(tmpdir(), "lightsout-doctor-"));
  onTestFinished(async () => {
    await rack.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const file = join(folder, "lightsout.yaml");
  const keep = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), 0o600);
    return `./${name}`;
  };
  const all = {
    cluster: { kubeconfig: keep("kubeconfig", rack.kube.kubeconfig) },
    talos: { talosconfig: keep("talosconfig", rack.talosconfig) },
    netboot: { listen: "127.0.0.1:0", assets: "./assets", source: `${rack.assets.url}/image` },
    snapshots: { to: "./snapshots" },
  };
  const examined: Examined = {
    rack,
    folder,
    file,
    write({ edit = (yaml) => yaml, more, moreOf, store = "embedded" }) {
      writeFileSync(file, edit(rack.yaml({ store, listen: "127.0.0.1:0", more: { ...all, ...more }, ...(moreOf && { moreOf }) })));
    },
    ask: (more) => doctor({ config: file, env: rack.env, osAddress: rack.osAddress, ...more }),
  };
  examined.write({});
  return examined;
}

/** Everything that is not well, as `subject/name: seen`. */
export const complaints = (checks: readonly Check[]): string[] =>
  checks.filter(({ result }) => result !== "ok").map(({ name, result, seen, subject }) => `${result} ${subject}/${name}: ${seen}`);

/** The one check of this name. */
export function one(checks: readonly Check[], subject: string, name: string): Check {
  const found = checks.filter((check) => check.subject === subject && check.name === name);
  if (found.length === 1 && found[0]) return found[0];
  throw new Error(
    `${found.length} checks are ${subject}/${name}; there are ${checks.map((check) => `${check.subject}/${check.name}`).join(", ")}`,
  );
}
