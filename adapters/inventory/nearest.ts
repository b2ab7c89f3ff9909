/** The names that `wanted` may have been meant for, nearest first, at most `limit` (default 3): a few edits away, or holding it. */
export function nearest(wanted: string, names: Iterable<string>, limit = 3): readonly string[] {
  const text = wanted.toLowerCase().slice(0, 100);
  if (text === "") return [];
  const reach = Math.max(1, Math.floor(text.length / 3));
  const found: { name: string; far: number }[] = [];
  for (const name of names) {
    const other = name.toLowerCase();
    const far = Math.abs(other.length - text.length) > reach ? Number.POSITIVE_INFINITY : edits(text, other);
    if (far <= reach) found.push({ name, far });
    else if (text.length >= 3 && other.includes(text)) found.push({ name, far: reach + 1 });
  }
  return found
    .sort((a, b) => a.far - b.far || (a.name < b.name ? -1 : 1))
    .slice(0, limit)
    .map((one) => one.name);
}

/** Edits that make `a` into `b`: insertions, deletions, replacements and exchanges of neighbours, one each. */
function edits(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const line = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const at = (list: number[], index: number) => list[index] ?? Number.POSITIVE_INFINITY;
      const same = a[row - 1] === b[column - 1];
      const exchanged = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      line.push(
        Math.min(
          at(last, column) + 1,
          at(line, column - 1) + 1,
          at(last, column - 1) + (same ? 0 : 1),
          exchanged ? at(before, column - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    before = last;
    last = line;
  }
  return last[b.length] ?? 0;
}
