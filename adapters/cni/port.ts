/**
 * The network for the pods of a new cluster, as its owner installs it. Talos brings one of its own unless its configuration says `none`;
 * without any, Nodes stay NotReady.
 */
export interface Cni {
  /** What is going to be done, for the plan that a person sees: `applies cilium.yaml`. */
  describe(): string;
  /** Does it and answers what was done. May be asked again after a crash, so that what it does must be repeatable. Throws `LO_CNI`. */
  install(signal?: AbortSignal): Promise<string>;
}
