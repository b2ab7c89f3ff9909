import { isIPv4 } from "node:net";

/** Whether only this machine can reach the address. */
export const isLoopback = (address: string): boolean =>
  address === "localhost" || address === "::1" || (isIPv4(address) && address.startsWith("127."));
