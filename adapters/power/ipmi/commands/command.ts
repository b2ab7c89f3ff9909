/** One IPMI command: what goes out, and how its answer is read. `parse` answers `undefined` to anything it cannot read. */
export interface Command<T> {
  /** As people call it, for errors. */
  readonly name: string;
  readonly netFn: number;
  readonly cmd: number;
  readonly data: Uint8Array;
  parse(data: Buffer): T | undefined;
}

/** For commands whose answer carries nothing. */
export const nothing = (): true => true;
