import { at, kindOf, maps } from "../documents.ts";
import { isProtectedLabel } from "../protected.ts";
import { type ConfigProblem, error, type Rule, type Subject, warning } from "./rule.ts";

/** The host's name comes from one place, and is the machine's own. */
export const hostnameRule: Rule = ({ documents, expected, main }) => {
  const old = at(main, "machine", "network", "hostname");
  const config = kindOf(documents, "HostnameConfig");
  const name = config?.hostname ?? old;
  const path = config ? "HostnameConfig" : "machine.network.hostname";
  const auto = config?.auto;
  const found: ConfigProblem[] = [];
  if (config && old !== undefined && old !== "") {
    found.push(
      error(
        "hostname-twice",
        "machine.network.hostname",
        "HostnameConfig says the name too, and Talos refuses both",
        "Keep HostnameConfig",
      ),
    );
  }
  if (config && config.hostname !== undefined && auto !== undefined && auto !== "off") {
    found.push(
      error("hostname-auto", "HostnameConfig.auto", `A name stands beside auto: ${String(auto)}, and Talos refuses both`, "Set auto: off"),
    );
  }
  if (config && config.hostname === undefined && auto === undefined) {
    found.push(error("hostname-empty", "HostnameConfig", "This has neither hostname nor auto", "Set hostname, and auto: off"));
  }
  if (
    typeof name === "string" &&
    !(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name) && name.length <= 253 && name.split(".").every((one) => one.length <= 63))
  ) {
    found.push(error("hostname-form", path, "This cannot be a host name", "Use lower-case letters, digits and -, at most 63 a part"));
  }
  if (expected.hostname !== undefined && name !== expected.hostname) {
    const message =
      name === undefined ? `Nothing says the name ${expected.hostname}` : `The name is not ${expected.hostname}: this is another machine's`;
    found.push(error("hostname-other", path, message, `Set ${expected.hostname}`));
  }
  if (expected.dhcpHostname === true && name !== undefined) {
    found.push(
      error("hostname-dhcp", path, "The DHCP server sends a host name too, and the two collide", "Leave names out of DHCP leases"),
    );
  }
  return found;
};

/** Interfaces and virtual addresses that come up. */
export const networkRule: Rule = (subject) => {
  const interfaces = maps(at(subject.main, "machine", "network", "interfaces"));
  const names = interfaces.map((one) => one.interface).filter((one) => typeof one === "string");
  return [
    ...interfaces.flatMap((one, index) => interfaceProblems(subject, one, `machine.network.interfaces[${index}]`)),
    ...names
      .filter((name, index) => names.indexOf(name) !== index)
      .map((name) =>
        error(
          "interface-twice",
          "machine.network.interfaces",
          `${name} is listed twice`,
          "Merge the two: a patch was applied twice, or to the wrong base",
        ),
      ),
    ...subject.documents
      .filter(({ kind }) => kind === "Layer2VIPConfig")
      .flatMap((one) => vipProblems(subject, one.link, "Layer2VIPConfig.link")),
  ];
};

function interfaceProblems(subject: Subject, one: Readonly<Record<string, unknown>>, path: string): ConfigProblem[] {
  const selector = one.deviceSelector;
  const vips = [one, ...maps(one.vlans)].some((holder) => at(holder, "vip", "ip") !== undefined);
  if (one.interface === undefined && selector === undefined) {
    return [error("interface-none", path, "This selects no network card", "Give it a deviceSelector with hardwareAddr")];
  }
  const both = one.interface !== undefined && selector !== undefined;
  return [
    ...(both ? [error("interface-both", path, "interface and deviceSelector exclude one another", "Keep deviceSelector")] : []),
    ...(vips ? vipProblems(subject, one.interface, path) : []),
    ...(!vips && isEth(subject, one.interface) ? [warning("interface-eth", path, ethMessage(one.interface), bySelector)] : []),
  ];
}

function vipProblems(subject: Subject, link: unknown, path: string): ConfigProblem[] {
  return [
    ...(subject.worker ? [error("vip-on-worker", path, "Only control planes can hold a virtual address", "Remove it")] : []),
    ...(isEth(subject, link)
      ? [error("vip-on-eth", path, `The virtual address would never come up: ${ethMessage(link)}`, bySelector)]
      : []),
  ];
}

const bySelector = "Select the card: deviceSelector with hardwareAddr, or physical: true";
const ethMessage = (name: unknown) => `${String(name)} does not exist where cards have predictable names (such as enp1s0)`;
const isEth = ({ expected }: Subject, name: unknown) =>
  typeof name === "string" && /^eth\d+$/.test(name) && expected.kernelArgs?.includes("net.ifnames=0") !== true;

/** Labels and taints that the machine may set itself, in a form that Kubernetes takes. */
export const nodeRule: Rule = ({ documents, main, worker }) => {
  const config = kindOf(documents, "KubeNodeConfig");
  const of = (old: string, field: string) => entriesOf(config ? at(config, field) : at(main, "machine", old));
  const [labels, taints] = [of("nodeLabels", "labels"), of("nodeTaints", "taints")];
  const path = (old: string, field: string) => (config ? `KubeNodeConfig.${field}` : `machine.${old}`);
  const labelPath = path("nodeLabels", "labels");
  const taintPath = path("nodeTaints", "taints");
  const twice = config && (at(main, "machine", "nodeLabels") !== undefined || at(main, "machine", "nodeTaints") !== undefined);
  return [
    ...(twice
      ? [error("node-twice", "machine.nodeLabels", "KubeNodeConfig says it too, and Talos refuses both", "Keep KubeNodeConfig")]
      : []),
    ...labels
      .filter(([key]) => worker && isProtectedLabel(key))
      .map(([key]) =>
        error(
          "label-protected",
          labelPath,
          `A worker may not give itself the label ${key}`,
          "Declare it in the inventory: it is set through Kubernetes",
        ),
      ),
    ...taints
      .filter(([, value]) => typeof value !== "string" || !/^[^:]*:(NoSchedule|PreferNoSchedule|NoExecute)$/.test(value))
      .map(([key]) =>
        error("taint-form", taintPath, `The taint ${key} is not written as value:Effect`, "Write it like present:NoSchedule"),
      ),
    ...(worker && taints.length > 0
      ? [
          warning(
            "taint-on-worker",
            taintPath,
            "A worker cannot change its taints later",
            "Declare them in the inventory: they are set through Kubernetes",
          ),
        ]
      : []),
  ];
};

const entriesOf = (value: unknown): [string, unknown][] => (typeof value === "object" && value !== null ? Object.entries(value) : []);
