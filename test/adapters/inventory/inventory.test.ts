import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createInventory, type Machine, nearest } from "#adapters/inventory/mod.ts";
import { explain } from "#events";

const machine = (name: string, more: Partial<Machine> = {}): Machine => ({
  name,
  macs: [],
  role: "worker",
  pool: "default",
  domains: [],
  node: name,
  gpus: 0,
  bootTime: "5m",
  trust: "observe",
  disposable: false,
  pet: false,
  carriesLightsout: false,
  foundOff: "ask",
  ...more,
});

const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return `${(error as { code?: string }).code}: ${explain(error)}`;
  }
  throw new Error("it did not throw");
};

describe("inventory", () => {
  const inventory = createInventory({
    site: "lab",
    machines: [machine("gpu-01", { node: "talos-gpu-01" }), machine("gpu-02"), machine("cp-01", { role: "control-plane" })],
    patience: ({ role }) => (role === "control-plane" ? "10m" : "3m"),
  });

  it("finds a machine by its name and by its Node", () => {
    expect(inventory.machine("gpu-02").name).toBe("gpu-02");
    expect(inventory.byNode("talos-gpu-01")?.name).toBe("gpu-01");
    expect(inventory.byNode("gpu-01")).toBeUndefined();
    expect(inventory.has("gpu-01")).toBe(true);
    expect(inventory.has("talos-gpu-01")).toBe(false);
    expect(inventory.machines().map(({ name }) => name)).toEqual(["gpu-01", "gpu-02", "cp-01"]);
  });

  it("gives each machine its own patience, five minutes by default", () => {
    expect(inventory.patience("cp-01")).toBe("10m");
    expect(inventory.patience("gpu-01")).toBe("3m");
    expect(createInventory({ site: "lab", machines: [machine("a")] }).patience("a")).toBe("5m");
  });

  it("names the nearest machines for one that it does not know", () => {
    const unknown = "LO_UNKNOWN_MACHINE: No machine is called";
    expect(refusal(() => inventory.machine("gpu-03"))).toBe(
      `${unknown} "gpu-03" in the inventory of site lab. Did you mean gpu-01 or gpu-02?`,
    );
    expect(refusal(() => inventory.patience("storage"))).toBe(
      `${unknown} "storage" in the inventory of site lab. Known machines: gpu-01, gpu-02, cp-01`,
    );
    expect(refusal(() => createInventory({ site: "lab", machines: [] }).machine("a"))).toContain("The inventory is empty");
  });

  it("refuses two machines with one name or one Node", () => {
    expect(refusal(() => createInventory({ site: "lab", machines: [machine("a"), machine("a")] }))).toContain("LO_INVENTORY");
    expect(refusal(() => createInventory({ site: "lab", machines: [machine("a"), machine("b", { node: "a" })] }))).toBe(
      "LO_INVENTORY: Machines a and b have the same node: a. Give each machine its own node",
    );
  });

  it("is not changed by whoever holds its list", () => {
    expect(() => (inventory.machines() as Machine[]).pop()).toThrow(TypeError);
  });
});

describe("nearest", () => {
  it("finds slips of the finger before longer ways", () => {
    expect(nearest("kubecofnig", ["kubeconfig", "context"])).toEqual(["kubeconfig"]);
    expect(nearest("adress", ["address", "node", "addresses"])).toEqual(["address"]);
    expect(nearest("gpu", ["rack-gpu-07", "cp-01"])).toEqual(["rack-gpu-07"]);
    expect(nearest("zzzzzz", ["address"])).toEqual([]);
  });

  it("always finds a name that is there, first", () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z0-9-]{1,20}$/), { minLength: 1 }), (names) => {
        expect(nearest(names[0] ?? "", names)[0]).toBe(names[0]);
      }),
    );
  });
});
