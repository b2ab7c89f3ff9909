import { isMap, isSeq, parseDocument } from "yaml";
import { Failure, type InitAsked, type InitMade } from "#adapters/cli/mod.ts";
import { normaliseHost } from "#adapters/inventory/mod.ts";
import { LightsoutError } from "#events";
import type { Environment } from "../secret.ts";
import { type Entered, known, notDriven } from "./entry.ts";
import { check, readBefore, replaceFile, withMachines } from "./file.ts";
import { meet, type WrittenBmc } from "./meet.ts";
import { type Answering, probe } from "./probe.ts";
import { askAddresses, askLogin, askName, askTrust, type Login } from "./questions.ts";

const withinMs = 60_000;

/**
 * Asks BMCs what they speak and who they are, and writes a configuration that observes them. Nothing on them is changed, and nothing is
 * written unless all of it can be. Throws `LO_INIT_*`, the BMC's own refusal, or `ConfigError`.
 */
export async function init(asked: InitAsked, env: Environment): Promise<InitMade> {
  const before = await readBefore(asked.out, asked.add);
  if (before !== undefined) check(before, asked.out, env);
  const taken = namesIn(before);
  const addresses = (await askAddresses(asked)).map(readAddress);
  let login: Login | undefined;
  const loggingIn = async () => {
    login ??= await askLogin(asked, env);
    return login;
  };
  const found: Entered[] = [];
  for (const address of addresses) {
    const one = await addressed(address, asked, { taken, login: loggingIn });
    taken.push(one.machine.name);
    found.push(one);
  }
  const text = withMachines(
    asked.out,
    before,
    found.map(({ entry }) => entry),
  );
  check(text, asked.out, env);
  await replaceFile(asked.out, text);
  const unset = login !== undefined && !env[login.variable] ? [login.variable] : [];
  return { file: asked.out, machines: found.map(({ machine }) => machine), variables: unset };
}

function readAddress(given: string): string {
  const host = normaliseHost(given.trim());
  if (host !== undefined) return host;
  throw new Failure("usage", `"${given}" is not a host name or an IP address`, {
    hint: "Write it alone, such as 10.0.10.11; a port goes into --port",
  });
}

function namesIn(text: string | undefined): string[] {
  const machines = parseDocument(text ?? "", { schema: "failsafe", logLevel: "error" }).get("machines");
  if (isSeq(machines)) return machines.items.flatMap((item) => (isMap(item) ? [String(item.get("name"))] : []));
  return isMap(machines) ? machines.items.map(({ key }) => String(key)) : [];
}

async function addressed(
  address: string,
  asked: InitAsked,
  more: { taken: readonly string[]; login: () => Promise<Login> },
): Promise<Entered> {
  const { kind: wanted, legacy, port } = asked;
  const ports = port === undefined ? {} : { redfishPort: port, ipmiPort: port };
  const answering = await probe(address, { ...ports, legacy, only: wanted, signal: AbortSignal.timeout(withinMs) });
  for (const line of described(address, answering)) asked.say(line);
  const kind = wanted ?? (answering.redfish ? "redfish" : answering.ipmi ? "ipmi" : undefined);
  if (kind === undefined && answering.amt) return notDriven(address, answering.amt.server, await askName(asked, address, more.taken));
  if (kind === undefined || !answering[kind]) throw silent(address, wanted);

  const fingerprint = kind === "redfish" ? answering.redfish?.certificate.fingerprint : undefined;
  if (fingerprint !== undefined) await askTrust(asked, address, fingerprint);
  else if (asked.pin !== undefined)
    throw new Failure("usage", "--pin is of a Redfish certificate, and IPMI has none", { hint: "Leave it out" });
  const login = await more.login();
  const name = await askName(asked, address, more.taken);
  const bmc: WrittenBmc = {
    kind,
    address,
    ...(port !== undefined && { port: String(port) }),
    user: login.user,
    password: `\${env:${login.variable}}`,
    ...(fingerprint !== undefined && { tls: { pin: fingerprint, ...(legacy && { legacy: "true" as const }) } }),
  };
  return known(name, bmc, await meet(name, bmc, login, withinMs));
}

function described(address: string, { amt, ipmi, redfish }: Answering): string[] {
  const suites = ipmi?.suites === undefined ? "" : `, cipher suites ${ipmi.suites.join(", ")}`;
  return [
    ...(redfish ? [`${address} speaks Redfish ${redfish.root.version}${redfish.root.maker === "" ? "" : ` (${redfish.root.maker})`}`] : []),
    ...(redfish
      ? [`  its certificate: sha256 ${redfish.certificate.fingerprint}, ${redfish.certificate.subject || "without a name"}`]
      : []),
    ...(ipmi ? [`${address} speaks IPMI ${ipmi.rmcpPlus ? "2.0" : "1.5 only"}${suites}`] : []),
    ...(amt ? [`${address} speaks ${amt.server}, on port ${amt.port}`] : []),
  ];
}

function silent(address: string, wanted: "redfish" | "ipmi" | undefined): LightsoutError {
  const what =
    wanted === undefined
      ? "neither Redfish nor IPMI nor Intel AMT answers"
      : `${wanted === "redfish" ? "Redfish" : "IPMI"} does not answer`;
  return new LightsoutError("LO_INIT_SILENT", `${address}: ${what}: nothing is written`, {
    hint: "Check the BMC's address and the way to it; current BMCs ship with IPMI over LAN turned off, and old ones may need --legacy",
  });
}
