/** A seeded source of numbers below `limit`: the same seed gives the same mutations (mulberry32). */
export type Dice = (limit: number) => number;

export function createDice(seed: number): Dice {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

const edges = [0x00, 0x01, 0x7f, 0x80, 0xc0, 0xff];

/** The bytes with one to four changes: bits, edge values, parts cut, doubled, put in. */
export function mutateBytes(bytes: Buffer, dice: Dice): Buffer {
  let out = Buffer.from(bytes);
  for (let changes = 1 + dice(4); changes > 0; changes -= 1) {
    const at = dice(out.length + 1);
    const how = dice(6);
    if (how === 0 && at < out.length) out[at] = (out[at] ?? 0) ^ (1 << dice(8));
    else if (how === 1 && at < out.length) out[at] = edges[dice(edges.length)] ?? 0;
    else if (how === 2) out = out.subarray(0, at);
    else if (how === 3) out = Buffer.concat([out.subarray(0, at), out.subarray(Math.max(0, at - dice(16)))]);
    else if (how === 4) out = Buffer.concat([out.subarray(0, at), Buffer.from([dice(256)]), out.subarray(at)]);
    else out = Buffer.concat([out.subarray(0, at), out.subarray(at + dice(8))]);
  }
  return out;
}

const strange: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1e308, "", "On", "Off", "PoweringOff", "\u0000", "//elsewhere/x", "/redfish/v1/../..", "http://["],
  ...[[], {}, [[]], { "@odata.id": 7 }, "x".repeat(5000)],
];
const keys = ["@odata.id", "PowerState", "Boot", "Actions", "Members", "error", "UUID", "__proto__", "constructor", ""];

/** The value with one change somewhere inside: another type, another word, a key more or less. */
export function mutateJson(value: unknown, dice: Dice): unknown {
  if (dice(5) === 0 || typeof value !== "object" || value === null) return strange[dice(strange.length)];
  if (Array.isArray(value)) {
    if (value.length === 0 || dice(4) === 0) return [...value, strange[dice(strange.length)]];
    const at = dice(value.length);
    return value.map((item, index) => (index === at ? mutateJson(item, dice) : item));
  }
  const names = Object.keys(value);
  const map = value as Readonly<Record<string, unknown>>;
  const name = names[dice(names.length)] ?? "";
  const how = dice(8);
  if (how === 0) return Object.fromEntries(Object.entries(map).filter(([key]) => key !== name));
  if (how === 1) return { ...map, [keys[dice(keys.length)] ?? ""]: strange[dice(strange.length)] };
  return { ...map, [name]: mutateJson(map[name], dice) };
}
