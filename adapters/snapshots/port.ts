/** Where etcd snapshots are kept: a folder or a bucket. Failures are `DeviceError`s (`LO_SNAPSHOT`), effect `none` for reads. */
export interface Snapshots {
  /**
   * Stores a snapshot under `name` and reads it back: it answers only when what is stored is complete, has etcd's own checksum and equals
   * what was sent. A name that is finished already, and whole, is answered as it is: asking twice takes one snapshot. What is broken is not
   * left behind. An error of `bytes` is thrown as it is.
   */
  store(name: string, bytes: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<SnapshotRecord>;
  /** Newest first. */
  list(signal?: AbortSignal): Promise<readonly SnapshotRecord[]>;
  /** The whole snapshot, checked against its checksum; the iteration throws at the end when it does not fit. */
  read(name: string, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /** Deletes what the retention does not keep; never the newest. Answers the names that are gone. */
  prune(signal?: AbortSignal): Promise<readonly string[]>;
}

export interface SnapshotRecord {
  /** As `lab-2026-11-28T10-00-00Z-cp-01.db`. */
  readonly name: string;
  readonly bytes: number;
  /** Of the file, hexadecimal. */
  readonly sha256: string;
  /** When it was stored, milliseconds since the epoch. */
  readonly at: number;
  /** Where it lies, for people: a path or `s3://bucket/key`. */
  readonly where: string;
}
