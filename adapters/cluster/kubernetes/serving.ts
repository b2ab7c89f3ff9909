import { admit, type Permit } from "#events";
import type { ServingRequest } from "../port.ts";
import type { KubeClient } from "./client.ts";
import { readCsr } from "./csr.ts";
import { refusal } from "./failures.ts";
import { field, items, text } from "./json.ts";

/** https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers */
const signer = "kubernetes.io/kubelet-serving";
const requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const texts = (value: unknown): string[] => items(value).flatMap((one) => text(one) ?? []);

/** The kubelet-serving requests that nobody has approved or denied. */
export async function readServingRequests(client: KubeClient, signal?: AbortSignal): Promise<ServingRequest[]> {
  const query = new URLSearchParams({ fieldSelector: `spec.signerName=${signer}` });
  const listed = await client.call({
    method: "GET",
    path: `${requests}?${query}`,
    target: "serving certificates",
    operation: "list",
    signal,
  });
  return items(field(listed, "items")).flatMap((one) => servingRequest(one) ?? []);
}

function servingRequest(object: unknown): ServingRequest | undefined {
  const name = text(field(object, "metadata", "name"));
  const uid = text(field(object, "metadata", "uid"));
  const resourceVersion = text(field(object, "metadata", "resourceVersion"));
  if (name === undefined || uid === undefined || resourceVersion === undefined || isDecided(object)) return undefined;
  if (text(field(object, "spec", "signerName")) !== signer) return undefined;
  return {
    name,
    uid,
    resourceVersion,
    username: text(field(object, "spec", "username")) ?? "",
    groups: texts(field(object, "spec", "groups")),
    usages: texts(field(object, "spec", "usages")),
    csr: readCsr(text(field(object, "spec", "request")) ?? ""),
  };
}

/** A condition of any kind: who denied or failed it has decided too. */
const isDecided = (object: unknown): boolean => items(field(object, "status", "conditions")).length > 0;

/** Approves the request that was judged, and no other under its name: uid and version must be as they were. */
export async function approveServing(
  client: KubeClient,
  machine: string,
  request: ServingRequest,
  permit: Permit,
): Promise<"approved" | "gone"> {
  admit(permit, machine, "approve-serving");
  const path = `${requests}/${encodeURIComponent(request.name)}`;
  const about = { target: machine, operation: "approve its serving certificate", signal: permit.signal };
  try {
    const found = await client.call({ method: "GET", path, ...about });
    const same = field(found, "metadata", "uid") === request.uid && field(found, "metadata", "resourceVersion") === request.resourceVersion;
    if (!same || isDecided(found) || typeof found !== "object" || found === null) return "gone";
    const condition = {
      type: "Approved",
      status: "True",
      reason: "LightsoutApproved",
      message: `kubelet serving certificate of ${machine}, by run ${permit.run}`,
    };
    const status = { ...(field(found, "status") as object | undefined), conditions: [condition] };
    const body = { ...found, status };
    await client.call({ method: "PUT", path: `${path}/approval`, body, gate: () => permit.gate(), ...about });
    return "approved";
  } catch (error) {
    const status = refusal(error)?.status;
    if (status === 404 || status === 409) return "gone";
    throw error;
  }
}
