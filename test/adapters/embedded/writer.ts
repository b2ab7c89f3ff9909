/** A process that writes as fast as it can and says what was acknowledged, to be killed in the middle. */
import { createEmbeddedStore } from "#adapters/embedded/mod.ts";

const path = process.argv[2] ?? "";
const store = await createEmbeddedStore({ path, site: "test", room: { reserve: 65_536 } });
let number = (await store.log.position("journal")) + 1;
process.stdout.write("ready\n");
for (;;) {
  // Answers of one commit are told one by one, so that the kill can fall between a commit and its answers.
  const turn = Array.from({ length: 8 }, () => number++);
  await Promise.all(
    turn.map(async (value) => {
      const appended = await store.log.append("journal", `run.${value % 3}`, value);
      if (appended.ok) process.stdout.write(`${appended.seq}\n`);
    }),
  );
  const claim = await store.kv.get("claims", "m1");
  const revision = await store.kv.put("claims", "m1", turn.at(-1) ?? 0, claim?.revision ?? 0);
  process.stdout.write(`claim ${revision}\n`);
}
