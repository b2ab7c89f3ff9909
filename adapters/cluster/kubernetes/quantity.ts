const units: Readonly<Record<string, number>> = {
  ...{ "": 1, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60, n: 1e-9, u: 1e-6 },
};

/** A Kubernetes quantity as a number (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/); `undefined` for none. */
export function quantity(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) && value >= 0 ? value : undefined;
  const match = typeof value === "string" ? /^\+?(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d{1,3})|([A-Za-z]{0,2}))$/.exec(value) : null;
  if (!match) return undefined;
  const unit = match[2] === undefined ? units[match[3] ?? ""] : 10 ** Number(match[2]);
  return unit === undefined ? undefined : Number(match[1]) * unit;
}
