import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { expect, onTestFinished, test } from "vitest";
import { ContainerDriver, ContainerdNamespace } from "#adapters/os/talos/gen/common_pb.ts";
import { State } from "#adapters/os/talos/gen/cosi_pb.ts";
import { ImageService } from "#adapters/os/talos/gen/image_pb.ts";
import { MachineService } from "#adapters/os/talos/gen/machine_pb.ts";
import { scaledClock } from "#events";
import { createHost } from "./host.ts";
import { createTalosApi } from "./talos-api.ts";
import { createTalosAuthority } from "./talos-cert.ts";

const authority = createTalosAuthority();

async function machine(version: string, more: Partial<Parameters<typeof createTalosApi>[0]> = {}) {
  const clock = scaledClock(20);
  const host = createHost({ name: "m1", clock, bootMs: 1000 });
  const api = await createTalosApi({ host, clock, authority, slot: { version }, ...more });
  const transport = createGrpcTransport({
    baseUrl: `https://127.0.0.1:${api.port}`,
    nodeOptions: { ca: authority.ca, ...authority.client(["os:admin"]) },
  });
  onTestFinished(() => api.close());
  return { host, api, transport };
}

const codeOf = async (work: Promise<unknown>) =>
  ConnectError.from(
    await work.then(
      () => undefined,
      (error: unknown) => error,
    ),
  ).code;

test("fan-out over nodes is refused where Talos refuses it", async () => {
  const headers = { nodes: "10.0.0.1" };
  const kind = { namespace: "runtime", type: "MachineStatuses.runtime.talos.dev", id: "machine" };
  const containerd = { driver: ContainerDriver.CRI, namespace: ContainerdNamespace.NS_SYSTEM };
  for (const version of ["v1.12.11", "v1.13.9"]) {
    const { transport } = await machine(version);
    expect((await createClient(MachineService, transport).version({}, { headers })).messages).toHaveLength(1);
    expect(await codeOf(createClient(State, transport).get(kind, { headers }))).toBe(Code.InvalidArgument);
    const pull = (async () => {
      for await (const _ of createClient(ImageService, transport).pull({ containerd, imageRef: "i" }, { headers }));
    })();
    expect(await codeOf(pull)).toBe(version === "v1.12.11" ? Code.Unimplemented : Code.InvalidArgument);
  }
});

test("what the network offers is started by the firmware, and never by kexec", async () => {
  const slot = { version: "v1.14.0", schematic: undefined };
  const { host, api, transport } = await machine("v1.13.9", { firmware: async () => ({ slot, from: "network", args: [] }) });
  const calls = createClient(MachineService, transport);
  await calls.reboot({ mode: 0 });
  await expect.poll(() => api.os.boots.at(-1)).toEqual({ how: "kexec", version: "v1.13.9" });
  host.press("reset", "bmc");
  await expect.poll(() => api.os.boots.at(-1)).toEqual({ how: "firmware", version: "v1.14.0" });
  // The configuration on the disk wins over whatever was booted.
  expect((await calls.version({})).messages[0]).toMatchObject({ version: { tag: "v1.14.0" }, features: { rbac: true } });
});
