import { openDoor } from "#adapters/nats/mod.ts";
import { encodeToken, explain, type Json, LightsoutError, type RuntimeLog, type Stop, type Worker } from "#events";
import type { StoreConfig } from "./schema.ts";
import { natsAddress } from "./stores.ts";

/** Opens the door on NATS: other programs publish to `lightsout.<site>.in.<type>.<key>`; what is refused goes to the dead letters with the reason. */
export async function openNatsDoor(
  store: Extract<StoreConfig, { kind: "nats" }>,
  site: string,
  worker: Worker,
  log: RuntimeLog,
): Promise<Stop> {
  const door = await openDoor({
    ...natsAddress(store),
    site,
    async accept(type, key, body, origin) {
      try {
        const about = origin === undefined ? { source: "nats" } : { source: origin.source, id: origin.id };
        const accepted = await worker.accept({ type, data: named(key, body), origin: "external", ...about });
        return { accepted: true, runs: [...accepted.runs] };
      } catch (error) {
        if (error instanceof LightsoutError && isRefusal(error.code)) return { accepted: false, why: explain(error) };
        throw error;
      }
    },
    reject(subject, why, body) {
      log.note("warn", `${subject}: refused: ${why}`);
      const letter = { reason: why, event: { subject, body } };
      void worker.office.store.log
        .append("dead", `door.${encodeToken(subject)}`, letter as Json)
        .catch((error) => log.note("error", `a refused event could not be kept: ${explain(error)}`));
    },
  });
  return () => door.close();

  /** `…in.power-cycle.gpu-02` with an empty body means the machine of the subject. */
  function named(key: string, body: Json): Json {
    const plain = typeof body === "object" && body !== null && !Array.isArray(body);
    return plain && key !== "" && !("machine" in body) ? { machine: key, ...body } : body;
  }
}

const isRefusal = (code: string) => code.startsWith("LO_EVENT_") || code === "LO_UNKNOWN_MACHINE";
