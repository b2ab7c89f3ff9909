import type { Talos } from "#adapters/os/port.ts";
import { UnsupportedError } from "#events";
import { installBeside, minorOf, slotOf } from "./system.ts";
import type { TalosScene } from "./talos-scene.ts";

/** How one fake machine is upgraded: by the lifecycle service from 1.13 on, by the old call before. */
export function createFakeUpgrades(scene: TalosScene): Pick<Talos, "pullImage" | "upgrade" | "rollback"> {
  const { machine, around, act, read, begin, fail, sleep } = scene;
  const { name, system, did } = machine;
  const { faults } = system;
  const running = () => system.running?.version ?? "";
  const demandSlot = (image: string) => {
    const slot = slotOf(image);
    if (slot) return slot;
    throw fail("upgrade", "LO_TALOS_REFUSED", "none", `failed to pull ${image}: not found`);
  };
  /** The installer's own look at what it is installed over: two minor versions before its own, or one after. */
  const fits = (version: string) => minorOf(running()) >= minorOf(version) - 2 && minorOf(running()) <= minorOf(version) + 1;
  const exitOf = (image: string) => (fits(demandSlot(image).version) ? faults.installerExit : 1);

  return {
    pullImage: (image) =>
      read("image pull", () => {
        if (faults.pullFails !== undefined) throw fail("image pull", "LO_TALOS_REFUSED", "none", faults.pullFails);
        demandSlot(image);
        system.pulled.add(image);
        return image;
      }),
    async upgrade(permit, image, { reboot = "default", stage = false } = {}) {
      if (minorOf(running()) < 13) {
        return await act(permit, "upgrade", () => {
          const slot = demandSlot(image);
          if (around.etcd.of(name) && (around.etcd.members.length === 2 || !around.etcd.quorate()))
            throw fail("upgrade", "LO_TALOS_REFUSED", "none", "etcd is not healthy enough for an upgrade");
          did.upgrade += 1;
          const receipt = begin("upgrading", reboot === "power-cycle" ? "firmware" : "kexec", () => {
            if (!stage) machine.pods = machine.pods.filter((pod) => pod.daemonSet || pod.mirror);
            if (exitOf(image) === 0) installBeside(system, slot);
          });
          return { ...receipt, api: "legacy", reboots: true, log: [] };
        });
      }
      if (reboot !== "default" || stage)
        throw new UnsupportedError(name, "upgrade with reboot or stage", "from Talos 1.13 it only installs");
      const slot = await act(permit, "upgrade", () => {
        if (!system.pulled.has(image)) throw fail("upgrade", "LO_TALOS_REFUSED", "none", `image ${image} is not in the store`);
        did.upgrade += 1;
        const found = demandSlot(image);
        const kernel = machine.kernel();
        around.timeline.after(faults.installMs, () => {
          if (machine.kernel() === kernel && machine.answers() && exitOf(image) === 0) installBeside(system, found);
        });
        return found;
      });
      const kernel = machine.kernel();
      await sleep(faults.installMs, permit.signal).catch((error: unknown) => {
        throw fail("upgrade", "LO_TALOS_TIMEOUT", "unknown", `no answer in time: ${String(error)}`);
      });
      if (machine.kernel() !== kernel || !machine.answers())
        throw fail("upgrade", "LO_TALOS_UNREACHABLE", "unknown", "the connection ended before the answer");
      const exit = exitOf(image);
      if (exit !== 0) throw fail("upgrade", "LO_TALOS_REFUSED", "unknown", `the installer failed with exit code ${exit}`);
      return {
        did: "sent",
        answer: "the installer ended with exit code 0",
        api: "lifecycle",
        reboots: false,
        log: [`installed ${slot.version}`],
      };
    },
    rollback: (permit) =>
      act(permit, "rollback", () => {
        const other = system.active === "a" ? "b" : "a";
        if (!system.slots[other]) throw fail("rollback", "LO_TALOS_REFUSED", "unknown", "previous UKI not found");
        did.rollback += 1;
        return begin("rebooting", "kexec", () => {
          system.next = other;
          system.upgradePending = false;
        });
      }),
  };
}
