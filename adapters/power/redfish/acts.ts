import { type ActVerb, admit, type Clock, DeviceError, type Permit, UnsupportedError } from "#events";
import type { BootTarget, Receipt } from "../port.ts";
import type { Action, Service } from "./discovery.ts";
import { assertIdentity, type Expected } from "./identity.ts";
import { setOverride, type Writing } from "./override.ts";
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

type Scene = Omit<Writing, "machine" | "clock" | "permit">;

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

    bootOnce: (permit, target, uri) => act(permit, "boot-once", (scene) => setOverride({ ...scene, machine, clock, permit }, target, uri)),

    resetController: (permit) =>
      act(permit, "reset-controller", async (scene) => {
        const action = scene.service.managerReset;
        const type = offered(action, controllerTypes);
        if (action === undefined || type === undefined) throw lacking(machine, "reset-controller", controllerTypes, action);
        return finish(permit, "reset-controller", scene, await post(permit, scene, action.target, type));
      }),
  };
}

/** Types for restarting the BMC itself, the gentle one first. */
export const controllerTypes: readonly string[] = ["GracefulRestart", "ForceRestart"];

function lacking(machine: string, capability: string, ladder: readonly string[], action: Action | undefined): UnsupportedError {
  const offers = action ? `offers ${(action.types ?? safeTypes).join(", ")}` : "shows no such action";
  return new UnsupportedError(machine, capability, `the BMC ${offers}, not ${ladder.join(" or ")}`);
}
