import type { Permit } from "#events";
import type { Receipt } from "../port.ts";
import { coldReset } from "./commands/app.ts";
import { acknowledgeBootInfo, getBootFlags, type IpmiBootTarget, keepBootFlags, setBootFlags } from "./commands/boot.ts";
import { chassisControl, getChassisStatus } from "./commands/chassis.ts";
import type { Talk } from "./talk.ts";

/** What an act does once the permit was admitted: reads the state, checks the identity, writes behind the gate. */
export type Check = (talk: Talk) => Promise<void>;

/** Turns on, off or asks the operating system to stop, unless the chassis is there already. */
export async function switchPower(talk: Talk, permit: Permit, what: "on" | "off" | "soft", check: Check): Promise<Receipt> {
  const wanted = what === "on";
  const before = await talk.need(getChassisStatus);
  if (before.on === wanted) return { did: "already", answer: `chassis status ${before.raw}` };
  await check(talk);
  // A second soft request could be taken for a second press of the button.
  const { wrongState, sent, answer } = await talk.write(chassisControl(what), permit, { repeatable: what !== "soft" });
  if (!wrongState) return { did: "sent", answer };
  const after = await talk.need(getChassisStatus);
  if (after.on === wanted) return { did: sent > 1 ? "sent" : "already", answer: `${answer}; chassis status ${after.raw}` };
  throw talk.fail(
    "LO_BMC_REFUSED",
    sent > 1 ? "unknown" : "none",
    `${answer}, and chassis status ${after.raw} reads ${after.on ? "on" : "off"}`,
    "Look at the machine: its BMC contradicts itself",
  );
}

/** One hard reset, never sent twice. Refused while the chassis is off. */
export async function resetOnce(talk: Talk, permit: Permit, check: Check): Promise<Receipt> {
  const before = await talk.need(getChassisStatus);
  const refused = (answer: string) =>
    talk.fail("LO_BMC_REFUSED", "none", `${answer}: only a machine that is on can be reset`, "Turn it on instead");
  if (!before.on) throw refused(`chassis status ${before.raw} reads off`);
  await check(talk);
  const { wrongState, answer } = await talk.write(chassisControl("reset"), permit, { repeatable: false });
  if (wrongState) throw refused(answer);
  return { did: "sent", answer };
}

/** Sets the boot flags for the next start and reads them back. */
export async function bootNext(talk: Talk, permit: Permit, target: IpmiBootTarget, efi: boolean, check: Check): Promise<Receipt> {
  await check(talk);
  const optional = { repeatable: true, optional: true };
  await talk.write(acknowledgeBootInfo, permit, optional);
  await talk.write(keepBootFlags, permit, optional);
  const { wrongState, answer } = await talk.write(setBootFlags(target, efi), permit, { repeatable: true });
  const flags = await talk.need(getBootFlags);
  const refused = (why: string) =>
    talk.fail(
      "LO_BMC_REFUSED",
      "unknown",
      `${answer}, but ${why}: boot flags ${flags.raw}`,
      "Set the boot order in the BIOS, or use Redfish",
    );
  if (wrongState || flags.device !== target) throw refused(`it reads back ${flags.device} instead of ${target}`);
  if (flags.persistent && target !== "none") throw refused("it reads back persistent instead of once");
  const notes = [
    ...(flags.valid || target === "none" ? [] : ["valid bit not kept"]),
    ...(efi && !flags.efi && target !== "none" ? ["EFI bit not kept"] : []),
  ];
  return { did: "sent", answer: [`${answer}; read back ${flags.raw}`, ...notes].join(", ") };
}

/** One cold reset of the BMC, never sent twice. */
export async function resetBmc(talk: Talk, permit: Permit, check: Check): Promise<Receipt> {
  await check(talk);
  const { wrongState, answer } = await talk.write(coldReset, permit, { repeatable: false });
  if (wrongState) throw talk.fail("LO_BMC_REFUSED", "none", answer);
  return { did: "sent", answer };
}
