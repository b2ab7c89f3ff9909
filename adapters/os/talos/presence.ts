import type { SecureContextOptions } from "node:tls";
import type { Clock } from "#events";
import type { TalosPresence } from "../port.ts";
import { type Handshake, maintenanceName, PeerError, shakeHands, type TalosAddress } from "./handshake.ts";

/** Who a handshake was with. */
function judgePeer({ trusted, why, name }: Pick<Handshake, "trusted" | "why" | "name">): TalosPresence {
  const seen = `a certificate for ${name ?? "nobody"}`;
  if (trusted) return { is: "ours", seen };
  if (name === maintenanceName) return { is: "maintenance", seen };
  return { is: "foreign", seen: `${seen} that we do not trust (${why || "no certificate"})` };
}

/** Throws unless the peer is a machine of our cluster. */
export function verifyOurs(hands: Handshake): void {
  const { is, seen } = judgePeer(hands);
  if (is === "maintenance")
    throw new PeerError(
      "the machine is in maintenance mode: it has no configuration",
      "Give it its configuration first, or see why it lost it",
    );
  if (is === "foreign")
    throw new PeerError(`it showed ${seen}`, "Check that the address belongs to this machine and the talosconfig to its cluster");
}

/** Throws unless the peer presents itself as Talos without a configuration, with the key that is expected where one is. */
export function verifyMaintenance(hands: Handshake, fingerprint: string | undefined): void {
  const { is, seen } = judgePeer(hands);
  if (is !== "maintenance") {
    throw new PeerError(
      `it is not in maintenance mode: it showed ${seen}`,
      "It has a configuration already; wipe it first if it is to get another one",
    );
  }
  if (fingerprint !== undefined && hands.fingerprint !== fingerprint) {
    throw new PeerError(
      `its key has the fingerprint ${hands.fingerprint}, expected was ${fingerprint}`,
      "The machine makes a new key at every boot: read it again",
    );
  }
}

/** Shakes hands and hangs up. */
export async function askPresence(
  address: TalosAddress,
  tls: SecureContextOptions,
  limits: { clock: Clock; timeoutMs: number; signal: AbortSignal | undefined },
): Promise<TalosPresence> {
  try {
    const hands = await shakeHands(address, tls, limits);
    hands.socket.destroy();
    return judgePeer(hands);
  } catch (error) {
    limits.signal?.throwIfAborted();
    const { code, message } = error as NodeJS.ErrnoException;
    return { is: "silent", seen: code ?? message };
  }
}
