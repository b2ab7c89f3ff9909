/**
 * Accepts the first inbound session sequence number whatever it is, then each one once: anything up to 16 behind or ahead of the newest that was not seen
 * before (IPMI 2.0 §6.12.14). Numbers go on from 2^32-1 to 1.
 */
export function createWindow(): (sequence: number) => boolean {
  let newest = 0;
  let seen = 0;
  return (sequence) => {
    if (sequence === 0) return false;
    if (newest === 0) newest = sequence - 1;
    const ahead = (sequence - newest) | 0;
    if (ahead > 16 || ahead <= -16) return false;
    if (ahead > 0) {
      newest = sequence;
      seen = ((seen << ahead) | 1) & 0xffff;
      return true;
    }
    const bit = 1 << -ahead;
    if (seen & bit) return false;
    seen |= bit;
    return true;
  };
}
