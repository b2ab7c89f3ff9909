import { open, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { createEmbeddedStore } from "#adapters/embedded/mod.ts";
import { sharedFileSystem } from "#adapters/embedded/room.ts";
import { eventually, gate, range } from "#test/contracts/store/opened.ts";
import { newPlace } from "./place.ts";

const openAt = (path: string, site = "test") => createEmbeddedStore({ path, site, room: { reserve: 65_536 } });

function edit(path: string, sql: string): void {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}

test("a file of a newer version is refused and left as it is", async () => {
  const path = await newPlace();
  await (await openAt(path)).close();
  edit(path, "PRAGMA user_version = 99");
  await expect(openAt(path)).rejects.toMatchObject({ code: "LO_STORE_NEWER", message: expect.stringMatching(/store\.db.*schema is 99/) });
  edit(path, "PRAGMA user_version = 1");
  await (await openAt(path)).close();
});

test("a damaged file is refused with its name and a way to save what is readable", async () => {
  const path = await newPlace();
  const store = await openAt(path);
  for (const index of Array.from({ length: 300 }, (_, each) => each)) await store.log.append("events", `a.${index}`, "x".repeat(500));
  await store.close();
  const file = await open(path, "r+");
  const { size } = await stat(path);
  await file.write(Buffer.alloc(8_192, 0xa5), 0, 8_192, Math.floor(size / 8_192) * 4_096);
  await file.close();
  await expect(openAt(path)).rejects.toMatchObject({
    code: "LO_STORE_CORRUPT",
    message: expect.stringContaining(`${path} is damaged`),
    hint: expect.stringContaining(".recover"),
  });
});

test("a file that is no database, another program's, or another site's is refused", async () => {
  const text = await newPlace();
  await writeFile(text, "these are not the bytes you are looking for\n".repeat(100));
  await expect(openAt(text)).rejects.toMatchObject({ code: "LO_STORE_CORRUPT" });
  const foreign = await newPlace();
  edit(foreign, "CREATE TABLE recipes (name TEXT)");
  await expect(openAt(foreign)).rejects.toMatchObject({ code: "LO_STORE_FOREIGN", message: expect.stringContaining(foreign) });
  const other = await newPlace();
  await (await openAt(other, "berlin")).close();
  await expect(openAt(other, "paris")).rejects.toThrow("belongs to site berlin, not paris");
});

test("a path that cannot be written is refused with what is needed", async () => {
  const path = await newPlace();
  await writeFile(path, "");
  await expect(openAt(join(path, "under-a-file.db"))).rejects.toMatchObject({ code: "LO_STORE_ACCESS" });
  await expect(openAt(path.slice(0, path.lastIndexOf("/")))).rejects.toMatchObject({ code: "LO_STORE_ACCESS" });
});

test("network file systems are known by their numbers, signed or not; local ones are let through", () => {
  expect(sharedFileSystem(0x6969)).toBe("NFS");
  expect(sharedFileSystem(0xff534d42)).toBe("CIFS");
  expect(sharedFileSystem(0xff534d42 | 0)).toBe("CIFS");
  for (const local of [0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x2fc12fc1]) expect(sharedFileSystem(local)).toBeUndefined();
});

test("a record that is purged while those before it are worked on is not handed out, though it was read ahead", async () => {
  const { log } = await openAt(await newPlace());
  for (const index of range(3)) await log.append("events", `a.${index}`, index);
  const seen: unknown[] = [];
  const work = gate();
  await log.consume("events", ">", "slow", async (record) => {
    seen.push(record.data);
    await work.opened;
  });
  await eventually(() => expect(seen).toEqual([0]));
  await log.purge("events", "a.1");
  work.open();
  await eventually(() => expect(seen).toEqual([0, 2]));
});
