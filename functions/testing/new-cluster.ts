import type { Kubeconfig } from "#adapters/cluster/port.ts";
import type { Cni } from "#adapters/cni/port.ts";
import { LightsoutError } from "#events";

/** The kubeconfig of the fake cluster. */
export interface FakeKubeconfig extends Kubeconfig {
  /** Every text that was kept, oldest first. */
  readonly texts: string[];
  /** Why it cannot be kept. */
  fails: string | undefined;
}

export function createFakeKubeconfig(): FakeKubeconfig {
  const kubeconfig: FakeKubeconfig = {
    texts: [],
    fails: undefined,
    where: () => "/lightsout/kubeconfig",
    async keep(text) {
      if (kubeconfig.fails !== undefined) throw new LightsoutError("LO_KUBECONFIG", kubeconfig.fails);
      kubeconfig.texts.push(text);
      return kubeconfig.where();
    },
  };
  return kubeconfig;
}

/** How the pods of the fake cluster get a network. */
export interface FakeCni extends Cni {
  /** How often it was installed. */
  installed: number;
  /** Why it cannot be. */
  fails: string | undefined;
}

/** @param networked called when pods have a network */
export function createFakeCni(networked: () => void): FakeCni {
  const cni: FakeCni = {
    installed: 0,
    fails: undefined,
    describe: () => "applies cni.yaml",
    async install() {
      if (cni.fails !== undefined) throw new LightsoutError("LO_CNI", cni.fails);
      cni.installed += 1;
      networked();
      return "1 object from cni.yaml";
    },
  };
  return cni;
}
