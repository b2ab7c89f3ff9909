/** The few fields of Kubernetes objects that the simulator itself reads or writes. Clients may put anything beside them. */

interface Meta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: { apiVersion: string; kind: string; name: string; uid: string; controller?: boolean }[];
  managedFields?: ManagedField[];
}

/** Who last changed which field; the API server keeps one entry per manager. */
export interface ManagedField {
  manager: string;
  operation: "Update" | "Apply";
  apiVersion: string;
  fieldsType: "FieldsV1";
  fieldsV1: Record<string, unknown>;
}

export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: Meta;
}

export interface Taint {
  key: string;
  value?: string;
  effect: string;
  timeAdded?: string;
}

interface Condition {
  type: string;
  status: string;
  reason: string;
  message?: string;
  lastHeartbeatTime?: string;
  lastTransitionTime?: string;
}

export interface SimNode extends KubeObject {
  spec: { unschedulable?: boolean; taints?: Taint[]; podCIDR?: string };
  status: {
    conditions: Condition[];
    addresses: { type: string; address: string }[];
    capacity: Record<string, string>;
    allocatable: Record<string, string>;
    nodeInfo: Record<string, string>;
  };
}

export interface SimLease extends KubeObject {
  spec: { holderIdentity: string; leaseDurationSeconds: number; renewTime: string };
}

export interface Toleration {
  key?: string;
  operator?: string;
  value?: string;
  effect?: string;
}

export interface SimPod extends KubeObject {
  spec: {
    nodeName?: string;
    tolerations?: Toleration[];
    volumes?: Record<string, unknown>[];
    containers: { name: string; image: string }[];
    terminationGracePeriodSeconds?: number;
  };
  status: { phase: string; conditions?: Condition[] };
}

export interface SimPdb extends KubeObject {
  spec: { minAvailable: number; selector: { matchLabels: Record<string, string> } };
}

export interface SimAttachment extends KubeObject {
  spec: { attacher: string; nodeName: string; source: { persistentVolumeName: string } };
  status: { attached: boolean };
}

export const OUT_OF_SERVICE = "node.kubernetes.io/out-of-service";

/** Whether the tolerations cover the taint, as the scheduler matches them. */
export function tolerates(tolerations: Toleration[] | undefined, taint: Taint): boolean {
  return (tolerations ?? []).some(
    (one) =>
      (one.effect === undefined || one.effect === "" || one.effect === taint.effect) &&
      (one.key === undefined || one.key === "" || one.key === taint.key) &&
      (one.operator === "Exists" || (one.value ?? "") === (taint.value ?? "")),
  );
}
