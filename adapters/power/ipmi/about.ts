import type { BmcAbout } from "../port.ts";
import { getUserAccess, getUserName } from "./commands/app.ts";
import type { Talk } from "./talk.ts";

/** Users asked for at most: BMCs have 10 to 16. */
const mostUsers = 16;
const roles: Readonly<Record<number, string>> = { 1: "callback", 2: "user", 3: "operator", 4: "administrator", 5: "OEM" };

/** The cipher suite of the session, and what the account of `user` may do on its channel where it may see that. */
export async function readAbout(talk: Talk, user: string): Promise<BmcAbout> {
  const cipherSuite = talk.session.keys.suite.id;
  const account = await readAccount(talk, user);
  return { cipherSuite, macs: [], ...(account && { account }) };
}

async function readAccount(talk: Talk, user: string): Promise<BmcAbout["account"]> {
  const first = await talk.ask(getUserAccess(1));
  if (!first.ok) return undefined;
  for (let id = 1; id <= Math.min(first.value.users, mostUsers); id += 1) {
    const name = await talk.ask(getUserName(id));
    if (!name.ok || name.value !== user) continue;
    const access = await talk.ask(getUserAccess(id));
    if (!access.ok) return undefined;
    const { privilege } = access.value;
    const may = privilege === 3 ? "enough" : privilege === 4 ? "too-much" : privilege < 3 ? "too-little" : undefined;
    return { role: roles[privilege] ?? `privilege ${privilege}`, ...(may && { may }) };
  }
  return undefined;
}
