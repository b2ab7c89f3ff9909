export type * from "./talos-etcd.ts";
export type * from "./talos-facts.ts";
export type * from "./talos-port.ts";

/** The operating system on the machines, asked over the network. */
export interface Os {
  /**
   * Asks the kubelet and the Talos API whether anything answers. Any real answer (a TLS handshake, an HTTP status) counts; a TCP
   * accept alone does not. An unreachable address is "no answer"; empty when no address is known, for then nobody was asked.
   */
  signsOfLife(machine: string, signal?: AbortSignal): Promise<SignOfLife[]>;
}

export interface SignOfLife {
  readonly service: "kubelet" | "talos";
  readonly answered: boolean;
  /** What was seen: `"TLS, CN=…"`, `"ECONNREFUSED"`, `"no answer in 3s"`. */
  readonly seen: string;
}
