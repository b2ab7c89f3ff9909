/**
 * A session set-up that the BMC refused. `auth` must never be tried again by itself: BMCs lock accounts. `privilege` came before
 * any password was looked at.
 */
export type Refused =
  | { readonly failed: "suite" | "busy" | "protocol"; readonly why: string }
  | { readonly failed: "auth" | "privilege"; readonly why: string; readonly hint: string };

/** What to do about a privilege that was refused. */
export const morePrivilege = "Give the BMC user operator (to reset the BMC: administrator) privilege on the LAN channel";
const code = (status: number) => `status ${status.toString(16).toUpperCase().padStart(2, "0")}`;

/** RMCP+ and RAKP status codes (IPMI 2.0 table 13-15). 02 and 08, a session id it does not know any more, begin again. */
export function readStatus(status: number): Refused | { failed: "silent"; phase: "login" } {
  switch (status) {
    case 0x02:
    case 0x08:
      return { failed: "silent", phase: "login" };
    case 0x01:
    case 0x0b:
      return { failed: "busy", why: `all its session slots are taken (${code(status)})` };
    // 09 "invalid role" is how some BMCs refuse a cipher suite (Launchpad 2085137).
    case 0x04:
    case 0x05:
    case 0x06:
    case 0x07:
    case 0x09:
    case 0x10:
    case 0x11:
      return { failed: "suite", why: `it refuses the cipher suite (${code(status)})` };
    case 0x0a:
      return {
        failed: "privilege",
        why: `the user may not have this privilege (${code(status)})`,
        hint: morePrivilege,
      };
    case 0x0d:
      return {
        failed: "auth",
        why: `it does not know the user (${code(status)})`,
        hint: "Correct the BMC user name, or enable it for IPMI",
      };
    case 0x0f:
      return { failed: "auth", why: `the password is wrong (${code(status)})`, hint: "Correct the BMC password" };
    default:
      return { failed: "protocol", why: `it refuses the session (${code(status)})` };
  }
}
