import { type ActVerb, admit, type Clock, DeviceError, type DeviceErrorCode, explain, type Permit, UnsupportedError } from "#events";
import type { BootOverride, BootTarget, Receipt } from "../port.ts";
import { isArmed, overrideOf, planBoot, settingsOf } from "./boot.ts";
import { type Client, optional } from "./client.ts";
import type { Action, Service } from "./discovery.ts";
import { etagOf, patch } from "./etag.ts";
import { type Fields, fields } from "./fields.ts";
import { assertIdentity, type Expected } from "./identity.ts";
import { ejectImage, insertImage } from "./media.ts";
import { statusOf } from "./readings.ts";
import { accepted, type Reply } from "./reply.ts";
import type { Session } from "./session.ts";
import { follow } from "./task.ts";

/** What every Redfish service is taken to know when it does not tell (DSP0268). */
const safeTypes: readonly string[] = ["On", "ForceOff", "GracefulShutdown", "ForceRestart"];

/** The best of `ladder` that the action offers. */
export function offered(action: Action | undefined, ladder: readonly string[]): string | undefined {
  return action && ladder.find((type) => (action.types ?? safeTypes).includes(type));
}

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

interface Scene {
  readonly client: Client;
  readonly service: Service;
  readonly system: Fields;
  readonly reply: Reply;
}

/** The verbs that change the machine. Each reads everything first, on a connection of its own, and then writes once. */
export interface Acts {
  /** Presses the best type of `ladder`. With `until`, a machine in that state already is left alone. */
  press(permit: Permit, verb: ActVerb, ladder: (service: Service) => readonly string[], until?: "on" | "off"): Promise<Receipt>;
  bootOnce(permit: Permit, target: BootTarget, uri?: string): Promise<Receipt>;
  resetController(permit: Permit): Promise<Receipt>;
}

/** Acts over one session. */
export function createActs(options: { machine: string; session: Session; clock: Clock; expect: Expected }): Acts {
  const { machine, session, clock, expect } = options;

  const act = async (permit: Permit, verb: ActVerb, work: (scene: Scene) => Promise<Receipt>): Promise<Receipt> => {
    admit(permit, machine, verb);
    return session.alone(async (client) => {
      const found = await session.system(client, permit.signal);
      assertIdentity(machine, verb, found.system, expect);
      return work({ client, ...found });
    });
  };

  const post = (permit: Permit, { client }: Scene, path: string, type: string) =>
    client.change({ method: "POST", path, body: { ResetType: type }, gate: () => permit.gate(), signal: permit.signal });

  const finish = async (permit: Permit, verb: ActVerb, { client }: Scene, reply: Reply): Promise<Receipt> => {
    accepted(reply, { target: machine, operation: verb, changes: true });
    return { did: "sent", answer: await follow(reply, { machine, operation: verb, client, clock, signal: permit.signal }) };
  };

  return {
    press: (permit, verb, ladder, until) =>
      act(permit, verb, async (scene) => {
        const { client, service, system } = scene;
        const { state, raw } = statusOf(system);
        if (state === until) return { did: "already", answer: `PowerState ${raw}` };
        if (verb === "reset" && state === "off") {
          throw new DeviceError("LO_BMC_REFUSED", { target: machine, operation: verb, effect: "none" }, "the machine is off", {
            hint: "Power it on instead",
          });
        }
        const type = offered(service.reset, ladder(service));
        if (service.reset === undefined || type === undefined) throw lacking(machine, verb, ladder(service), service.reset);
        const reply = await post(permit, scene, service.reset.target, type);
        if (until !== undefined && (reply.status === 409 || reply.status === 400)) {
          const now = statusOf((await client.get(service.system, permit.signal)).body);
          if (now.state === until) return { did: "already", answer: reply.summary };
        }
        return finish(permit, verb, scene, reply);
      }),

    bootOnce: (permit, target, uri) =>
      act(permit, "boot-once", async ({ client, service, system, reply }) => {
        const { settings, override } = await readOverride(client, system, permit.signal);
        const plan = planBoot({ machine, system, settings, target, uri, quirks: service.quirks });
        const answers = await changeImage(permit, client, service, target, uri);
        if (isArmed(override, target, uri)) {
          return answers.length === 0 ? { did: "already", answer: override.raw } : { did: "sent", answer: answers.join("; ") };
        }
        const write = async (path: string, boot: Fields, etag: string | undefined) => {
          const answer = await patch(client, path, { Boot: boot }, { etag, gate: () => permit.gate(), signal: permit.signal });
          accepted(answer, { target: machine, operation: "boot-once", changes: true });
          answers.push(await follow(answer, { machine, operation: "boot-once", client, clock, signal: permit.signal }));
        };
        const settingsPath = settingsOf(system);
        if (settingsPath !== undefined && Object.keys(plan.settings).length > 0) {
          const etag = etagOf((await client.get(settingsPath, permit.signal)).reply);
          await write(settingsPath, plan.settings, etag).catch((cause: unknown) => {
            throw answers.length === 0 ? cause : halfway(machine, cause);
          });
        }
        if (Object.keys(plan.system).length > 0) {
          await write(service.system, plan.system, etagOf(reply)).catch((cause: unknown) => {
            throw answers.length === 0 ? cause : halfway(machine, cause);
          });
        }
        const seen = await readBack(permit, client, service, target, uri);
        return { did: "sent", answer: `${answers.join("; ")}; reads back ${seen}` };
      }),

    resetController: (permit) =>
      act(permit, "reset-controller", async (scene) => {
        const action = scene.service.managerReset;
        const type = offered(action, controllerTypes);
        if (action === undefined || type === undefined) throw lacking(machine, "reset-controller", controllerTypes, action);
        return finish(permit, "reset-controller", scene, await post(permit, scene, action.target, type));
      }),
  };

  /** The image that a target of `cd` boots from goes in, and comes out again with `none`; answers what was done. */
  async function changeImage(
    permit: Permit,
    client: Client,
    service: Service,
    target: BootTarget,
    uri: string | undefined,
  ): Promise<string[]> {
    const how = { gate: () => permit.gate(), signal: permit.signal };
    if (uri === undefined || (target !== "cd" && target !== "none")) return [];
    if (target === "none") return (await ejectImage(machine, client, service, uri, how)) ? [`ejected ${uri}`] : [];
    return [await insertImage(machine, client, service, uri, how)].filter((done) => done !== undefined);
  }

  /** Some firmware shows a new override only after a moment: three looks, two seconds apart. */
  async function readBack(permit: Permit, client: Client, service: Service, target: BootTarget, uri: string | undefined): Promise<string> {
    const about = { target: machine, operation: "boot-once", effect: "unknown" } as const;
    let raw = "nothing";
    try {
      for (let look = 0; look < 3; look += 1) {
        if (look > 0) await clock.sleep(2000, permit.signal);
        const { body } = await client.get(service.system, permit.signal);
        const { override } = await readOverride(client, body, permit.signal);
        if (isArmed(override, target, uri)) return override.raw;
        raw = override.raw;
      }
    } catch (cause) {
      throw new DeviceError("LO_BMC_TIMEOUT", about, "the override was accepted, but could not be read back", { cause });
    }
    throw new DeviceError("LO_BMC_REFUSED", about, `the override was accepted, but reads back ${raw}`, {
      hint: "This BMC cannot be trusted with a boot target for one start; look at its boot settings before the next",
    });
  }
}

/** One of two writes was accepted before the other failed: whatever the other's effect, there is one. */
function halfway(machine: string, cause: unknown): DeviceError {
  const code = cause instanceof DeviceError ? (cause.code as DeviceErrorCode) : "LO_BMC_PROTOCOL";
  return new DeviceError(code, { target: machine, operation: "boot-once", effect: "unknown" }, `only half was written: ${explain(cause)}`, {
    cause,
  });
}

/** Types for restarting the BMC itself, the gentle one first. */
export const controllerTypes: readonly string[] = ["GracefulRestart", "ForceRestart"];

function lacking(machine: string, capability: string, ladder: readonly string[], action: Action | undefined): UnsupportedError {
  const offers = action ? `offers ${(action.types ?? safeTypes).join(", ")}` : "shows no such action";
  return new UnsupportedError(machine, capability, `the BMC ${offers}, not ${ladder.join(" or ")}`);
}
