import type { BmcAbout } from "../port.ts";
import { type Client, optional } from "./client.ts";
import type { Service } from "./discovery.ts";
import { type Fields, link, links, text, texts } from "./fields.ts";

/** Accounts read at most: an iDRAC lists 17 slots. */
const mostAccounts = 32;
const mostCards = 16;

/** The account of `user`, the manager's clock and the machine's network cards, as far as the account may see them. */
export async function readAbout(client: Client, service: Service, user: string, signal?: AbortSignal): Promise<BmcAbout> {
  const read = async (path: string | undefined): Promise<Fields> => (path === undefined ? {} : optional(client, path, signal));
  const account = await readAccount(read, service.accounts, user);
  const clock = Date.parse(text(await read(service.manager), "DateTime") ?? "");
  const cards = links(await read(link(service.shape, "EthernetInterfaces")), "Members").slice(0, mostCards);
  const macs = new Set<string>();
  for (const path of cards) {
    const card = await read(path);
    const mac = (text(card, "PermanentMACAddress") ?? text(card, "MACAddress"))?.toLowerCase();
    if (mac !== undefined && /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac) && mac !== "00:00:00:00:00:00") macs.add(mac);
  }
  return { ...(account && { account }), ...(Number.isFinite(clock) && { clock }), macs: [...macs] };
}

async function readAccount(
  read: (path: string | undefined) => Promise<Fields>,
  service: string | undefined,
  user: string,
): Promise<BmcAbout["account"]> {
  for (const path of links(await read(link(await read(service), "Accounts")), "Members").slice(0, mostAccounts)) {
    const found = await read(path);
    if (text(found, "UserName") !== user) continue;
    const role = text(found, "RoleId");
    const may = judge(role, texts(await read(link(found, "Links", "Role")), "AssignedPrivileges"));
    return { role: role ?? "a role of its own", ...(may && { may }) };
  }
  return undefined;
}

/** DSP0266 13.4: an Operator has Login, ConfigureComponents and ConfigureSelf; the first two are what power needs. */
function judge(role: string | undefined, privileges: readonly string[]): NonNullable<BmcAbout["account"]>["may"] {
  if (privileges.length > 0) {
    if (!privileges.includes("ConfigureComponents")) return "too-little";
    return privileges.some((one) => one === "ConfigureUsers" || one === "ConfigureManager") ? "too-much" : "enough";
  }
  if (role === "Administrator") return "too-much";
  if (role === "Operator") return "enough";
  return role === "ReadOnly" || role === "None" || role === "NoAccess" ? "too-little" : undefined;
}
