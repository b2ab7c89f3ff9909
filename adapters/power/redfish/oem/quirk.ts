/** What one maker's firmware does differently. Data only: the code that acts on it is the same for all. */
export interface Quirks {
  readonly vendor: string;
  /** Tried on the service root's Vendor, Oem keys and Product and on the system's Manufacturer. */
  readonly names: RegExp;
  /** Reset types for a warm reset, the best first. */
  readonly reset: readonly string[];
  /** Send every boot property each time, also the unchanged ones. */
  readonly bootSendAll: boolean;
  /** Override targets that mean CD, the best first. */
  readonly cd: readonly string[];
  /** Virtual drives take their image by a PATCH: they have no action for it. */
  readonly mediaByPatch?: true;
  /** Ids of the log service that tells of power, the best first. */
  readonly logs: readonly string[];
  /** Where the system tells how far POST is, in words of its own. */
  readonly post?: { readonly path: readonly string[]; readonly running: readonly string[]; readonly ended: readonly string[] };
  /** Where the UpdateService tells what it does, and the words for "nothing". */
  readonly updating?: { readonly path: readonly string[]; readonly idle: readonly string[] };
}
