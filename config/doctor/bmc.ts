import type { BmcAbout, BmcIdentity, Capability } from "#adapters/power/port.ts";
import { isPlaceholderSerial, isPlaceholderUuid } from "#events";
import { judgeIdentity } from "#functions/guards/mod.ts";
import type { BmcConfig, MachineConfig } from "../schema.ts";
import { type BmcScene, checkCertificate, unanswered } from "./certificate.ts";
import { attended, broken, type Finding, failure, judgeClock, ok, warning } from "./check.ts";

/** Where there is no certificate to look at. */
const plain = { findings: [], trusted: true };

/** Everything that a machine's BMC shows: certificate, login, power, identity, abilities, account. Only reads. */
export async function checkBmc(machine: MachineConfig, scene: BmcScene): Promise<readonly Finding[]> {
  const { bmc, name } = machine;
  if (!bmc) return [ok("BMC", "none: it is watched, cordoned and drained, and a person is asked for its power")];
  const { powers, withinMs } = scene;
  const certificate = bmc.kind === "redfish" && bmc.tls.verify !== "plain" ? await checkCertificate(name, bmc, scene) : plain;
  if (!certificate.trusted) return certificate.findings;

  const state = await attended(withinMs, (signal) => powers.of(name).state(signal));
  if ("error" in state) return [...certificate.findings, await unanswered(bmc, state.error, withinMs)];
  const { raw, state: power } = state.found;
  const login = bmc.kind === "redfish" ? "Redfish" : "IPMI";
  const said = `${login} at ${bmc.address} lets ${bmc.user} in; power ${raw}`;
  const found = [power === "unknown" ? warning("BMC", said, "Neither on nor off: ask again, or look at the machine") : ok("BMC", said)];
  if (bmc.kind === "redfish" && bmc.tls.verify === "plain")
    found.push(
      warning("encryption", "plain http: whoever sees the network sees the password", "Turn on HTTPS at the BMC, and remove tls.plain"),
    );

  const read = async <T>(what: string, work: (signal: AbortSignal) => Promise<T>, judge: (value: T) => readonly Finding[]) => {
    const done = await attended(withinMs, work);
    found.push(...("found" in done ? judge(done.found) : [broken(what, done.error)]));
  };
  await read(
    "identity",
    (signal) => powers.of(name).identity(signal),
    (identity) => [checkIdentity(machine, identity)],
  );
  await read(
    "abilities",
    (signal) => powers.of(name).capabilities(signal),
    (has) => [checkAbilities(has)],
  );
  await read(
    "account",
    (signal) => powers.about(name, signal),
    (about) => checkAbout(bmc, about, scene.now()),
  );
  return [...certificate.findings, ...found];
}

function checkIdentity(machine: MachineConfig, identity: BmcIdentity): Finding {
  const { firmware, manufacturer, model, serial, uuids } = identity;
  const uuid = uuids.find((one) => !isPlaceholderUuid(one));
  const usable = serial !== undefined && !isPlaceholderSerial(serial) ? serial : undefined;
  const box = `${[manufacturer, model].filter(Boolean).join(" ") || "a machine"}${firmware === undefined ? "" : `, firmware ${firmware}`}`;
  const reported = `uuid ${uuid ?? "none that identifies it"}, serial ${usable ?? "none that identifies it"}`;
  const { reason, says } = judgeIdentity(machine, identity, undefined);
  if (says === "allow") return ok("identity", `${box}: ${reported}; BMC and inventory agree`);
  if (machine.uuid === undefined && machine.serial === undefined) {
    const todo =
      uuid === undefined && usable === undefined
        ? "Neither can be told: acts on it stay refused"
        : `Write ${uuid === undefined ? `serial: ${usable}` : `uuid: ${uuid}`} for ${machine.name}`;
    return warning("identity", `${box}: ${reported}; the inventory has neither, so acts on it are refused`, todo);
  }
  const cannotTell = (machine.uuid === undefined || uuid === undefined) && (machine.serial === undefined || usable === undefined);
  const seen = `${box}: ${reason}`;
  return cannotTell
    ? warning("identity", `${seen} (${reported})`, "Give what the BMC reports, or correct it there")
    : failure("identity", seen, "Correct the BMC's address, or uuid and serial of this machine");
}

function checkAbilities(has: ReadonlySet<Capability>): Finding {
  const needed: readonly Capability[] = ["on", "off", "prove-off"];
  const lacks = needed.filter((one) => !has.has(one));
  const also = ["graceful-off", "boot-once", "event-log"] as const;
  const without = also.filter((one) => !has.has(one));
  if (lacks.length > 0)
    return warning("abilities", `it cannot do: ${lacks.join(", ")}`, "Update the BMC's firmware; without them a person is asked");
  return ok("abilities", `on, off, can prove off${without.length === 0 ? "" : `; without ${without.join(", ")}`}`);
}

function checkAbout({ kind, user }: BmcConfig, about: BmcAbout, now: number): readonly Finding[] {
  const { account, cipherSuite, clock } = about;
  const found: Finding[] = [];
  const wanted = kind === "ipmi" ? "operator privilege" : "the role Operator";
  if (!account?.may) found.push(ok("account", account ? `${user} is ${account.role}` : `what ${user} may do is not shown to it`));
  else if (account.may === "too-little")
    found.push(failure("account", `${user} is ${account.role}, which may not switch power`, `Give it ${wanted} at the BMC`));
  else if (account.may === "too-much")
    found.push(
      warning("account", `${user} is ${account.role}, more than is needed`, `Give Lightsout an account of its own with ${wanted}`),
    );
  else found.push(ok("account", `${user} is ${account.role}, which is enough and no more`));
  if (cipherSuite === 3) found.push(warning("cipher suite", "3 (SHA-1)", "Turn on cipher suite 17 (SHA-256) at the BMC, or use Redfish"));
  if (cipherSuite === 17) found.push(ok("cipher suite", "17 (SHA-256)"));
  if (clock !== undefined) found.push(judgeClock("the BMC", clock, now));
  return found;
}
