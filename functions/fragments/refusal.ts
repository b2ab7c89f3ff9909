import { DeviceError, explain, RefusedError } from "#events";

/**
 * What an act is to throw: an API's own no, before anything was done, as a refusal that ends the run. To try again or to park would keep the
 * machine from others, and the answer would be the same.
 */
export function asRefusal(error: unknown): unknown {
  const said = error instanceof DeviceError && error.effect === "none" && ["LO_CLUSTER_REFUSED", "LO_TALOS_REFUSED"].includes(error.code);
  return said ? new RefusedError(explain(error), { cause: error }) : error;
}
