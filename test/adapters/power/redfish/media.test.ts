import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createRig, type Rig } from "./rig.ts";

const image = "http://10.0.10.2:7481/assets/metal-amd64.iso";
const uri = "http://10.0.10.2:7481/efi/ipxe.efi";

describe("booting from an address", () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await createRig("dell");
  });
  afterEach(() => rig.close());
  const writes = () =>
    rig.bmc.requests.filter(({ method, path }) => method !== "GET" && !path.includes("Sessions")).map(({ path }) => path);

  test("UEFI HTTP boot, once, from where it was said, and read back", async () => {
    const power = rig.power();
    expect((await power.bootOnce(rig.permit("boot-once"), "http", uri)).did).toBe("sent");
    expect(rig.host.boot).toMatchObject({ target: "http", once: true, uri });
    expect(await power.bootOverride()).toMatchObject({ target: "http", once: true, uri });
    expect((await power.bootOnce(rig.permit("boot-once"), "http", uri)).did).toBe("already");
    expect((await power.bootOnce(rig.permit("boot-once"), "http", `${uri}?2`)).did).toBe("sent");
    await power.close();
  });

  test("an image goes into the virtual drive, the machine boots from it once, and it comes out again", async () => {
    const power = rig.power();
    expect((await power.bootOnce(rig.permit("boot-once"), "cd", image)).answer).toContain(`inserted ${image}`);
    expect(rig.host.boot).toMatchObject({ target: "cd", once: true });
    expect((await power.bootOnce(rig.permit("boot-once"), "cd", image)).did).toBe("already");
    const before = writes().length;
    expect((await power.bootOnce(rig.permit("boot-once"), "none", image)).answer).toContain(`ejected ${image}`);
    expect(
      writes()
        .slice(before)
        .some((path) => path.includes("EjectMedia")),
    ).toBe(true);
    await power.close();
  });

  test("somebody else's image stays, is named, and nothing is set", async () => {
    const power = rig.power();
    await power.bootOnce(rig.permit("boot-once"), "cd", "http://elsewhere/windows.iso");
    await power.bootOnce(rig.permit("boot-once"), "none");
    const before = writes().length;
    await expect(power.bootOnce(rig.permit("boot-once"), "cd", image)).rejects.toMatchObject({
      message: expect.stringContaining("http://elsewhere/windows.iso"),
      effect: "none",
    });
    expect((await power.bootOnce(rig.permit("boot-once"), "none", image)).did).toBe("already");
    expect(writes()).toHaveLength(before);
    expect(rig.host.boot.target).toBe("none");
    await power.close();
  });

  test("with the gate shut nothing is inserted", async () => {
    const power = rig.power();
    const shut = rig.permit("boot-once", {
      gate() {
        throw new Error("shut");
      },
    });
    await expect(power.bootOnce(shut, "cd", image)).rejects.toThrow("shut");
    expect(writes()).toEqual([]);
    await power.close();
  });
});

test("a BMC without a virtual drive or UEFI HTTP boot says so, and nothing is sent", async () => {
  const rig = await createRig("openbmc");
  const power = rig.power();
  const can = await power.capabilities();
  expect([can.has("boot-http"), can.has("virtual-media")]).toEqual([false, false]);
  await expect(power.bootOnce(rig.permit("boot-once"), "http", uri)).rejects.toThrow("not UefiHttp");
  await expect(power.bootOnce(rig.permit("boot-once"), "cd", image)).rejects.toThrow("no virtual CD drive");
  expect(rig.host.boot.target).toBe("none");
  await power.close();
  await rig.close();
});
