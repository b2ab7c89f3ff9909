import { type Clock, DeviceError, type DeviceErrorCode, explain, type Permit } from "#events";
import type { BootOverride, BootTarget, Receipt } from "../port.ts";
import { isArmed, overrideOf, planBoot, settingsOf } from "./boot.ts";
import { type Client, optional } from "./client.ts";
import type { Service } from "./discovery.ts";
import { etagOf, patch } from "./etag.ts";
import { type Fields, fields } from "./fields.ts";
import { readBack } from "./look.ts";
import { changeImage } from "./media.ts";
import { accepted, type Reply } from "./reply.ts";
import { follow } from "./task.ts";

/** The override in force: the settings resource's where that takes it (iDRAC10), else the system's. */
export async function readOverride(
  client: Client,
  system: Fields,
  signal?: AbortSignal,
): Promise<{ settings: Fields; override: BootOverride }> {
  const path = settingsOf(system);
  const settings = path === undefined ? {} : await optional(client, path, signal);
  const own = Object.hasOwn(fields(settings, "Boot"), "BootSourceOverrideTarget");
  return { settings, override: overrideOf(own ? settings : system) };
}

/** One act on one session, with the system as it was just read. */
export interface Writing {
  readonly machine: string;
  readonly clock: Clock;
  readonly permit: Permit;
  readonly client: Client;
  readonly service: Service;
  readonly system: Fields;
  readonly reply: Reply;
}

/**
 * Has the machine boot from `target` at its next start only, and reads that back; an image that it is to boot from goes into the virtual drive
 * first. Whatever fails after something was accepted leaves the effect unknown.
 */
export async function setOverride(writing: Writing, target: BootTarget, uri: string | undefined): Promise<Receipt> {
  const { client, clock, machine, permit, reply, service, system } = writing;
  const { settings, override } = await readOverride(client, system, permit.signal);
  const plan = planBoot({ machine, system, settings, target, uri, quirks: service.quirks });
  const answers = await changeImage(writing, target, uri);
  if (isArmed(override, target, uri)) {
    return answers.length === 0 ? { did: "already", answer: override.raw } : { did: "sent", answer: answers.join("; ") };
  }
  const write = async (path: string, boot: Fields, etag: string | undefined) => {
    const answer = await patch(client, path, { Boot: boot }, { etag, gate: () => permit.gate(), signal: permit.signal });
    accepted(answer, { target: machine, operation: "boot-once", changes: true });
    answers.push(await follow(answer, { machine, operation: "boot-once", client, clock, signal: permit.signal }));
  };
  try {
    const settingsPath = settingsOf(system);
    if (settingsPath !== undefined && Object.keys(plan.settings).length > 0) {
      await write(settingsPath, plan.settings, etagOf((await client.get(settingsPath, permit.signal)).reply));
    }
    if (Object.keys(plan.system).length > 0) await write(service.system, plan.system, etagOf(reply));
  } catch (cause) {
    throw answers.length === 0 ? cause : halfway(machine, cause);
  }
  const look = async () => (await readOverride(client, (await client.get(service.system, permit.signal)).body, permit.signal)).override;
  const seen = await readBack(writing, "the override", look, (now) => isArmed(now, target, uri));
  if (isArmed(seen, target, uri)) return { did: "sent", answer: `${answers.join("; ")}; reads back ${seen.raw}` };
  const about = { target: machine, operation: "boot-once", effect: "unknown" } as const;
  throw new DeviceError("LO_BMC_REFUSED", about, `the override was accepted, but reads back ${seen.raw}`, {
    hint: "This BMC cannot be trusted with a boot target for one start; look at its boot settings before the next",
  });
}

/** One of several writes was accepted before another failed: whatever the other's effect, there is one. */
function halfway(machine: string, cause: unknown): DeviceError {
  const code = cause instanceof DeviceError ? (cause.code as DeviceErrorCode) : "LO_BMC_PROTOCOL";
  return new DeviceError(code, { target: machine, operation: "boot-once", effect: "unknown" }, `only half was written: ${explain(cause)}`, {
    cause,
  });
}
