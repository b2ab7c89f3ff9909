import { type Clock, DeviceError, type Permit } from "#events";

/**
 * Some firmware shows what it accepted only after a moment: three looks, two seconds apart. Answers the last one, whether or not it is the one
 * that was waited for. A look that fails says nothing of what was accepted: effect unknown.
 */
export async function readBack<Seen>(
  scene: { readonly machine: string; readonly clock: Clock; readonly permit: Permit },
  what: string,
  look: () => Promise<Seen>,
  isDone: (seen: Seen) => boolean,
): Promise<Seen> {
  try {
    let seen = await look();
    for (let more = 2; more > 0 && !isDone(seen); more -= 1) {
      await scene.clock.sleep(2000, scene.permit.signal);
      seen = await look();
    }
    return seen;
  } catch (cause) {
    const about = { target: scene.machine, operation: "boot-once", effect: "unknown" } as const;
    throw new DeviceError("LO_BMC_TIMEOUT", about, `${what} was accepted, but could not be read back`, { cause });
  }
}
