import { type Document, isMap } from "./documents.ts";

/** Keys whose values are secrets, or texts of the user's in which secrets may stand. */
const keys =
  /^(key|crt|token|secret|id|auth|password|passphrase|content|contents|environment|env|data|value|static|wireguard|identityToken|apiUrl|uniqueToken|authorization|.*Headers|.*(Secret|Token|Key|Password|Certificates?))$/i;
/** Documents that are secrets but for their name. */
const kinds = /^(Kube(APIServerCA|AggregatorCA|ServiceAccount|EtcdEncryption)|DiscoveryIdentity|RegistryAuth|SideroLink)Config$/;
/** What is one wherever it stands: a PEM, as it is or as base64. */
const pem = /-----BEGIN |LS0tLS1CRUdJTi/;

/** What stands where a value is not shown. */
export const hidden = "(hidden)";

/** Whether values under this key are not shown. */
export const isHiddenKey = (key: string): boolean => keys.test(key);
/** Whether nothing of a document of this kind is shown. */
export const isHiddenKind = (kind: string): boolean => kinds.test(kind);

/** The same without what is a secret or may hold one: a value by its key, a PEM wherever it stands, the user and the query of a URL. */
export function withoutSecrets(value: unknown, key = ""): unknown {
  if (key !== "" && isHiddenKey(key)) return hidden;
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item));
  if (isMap(value)) return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withoutSecrets(item, name)]));
  if (typeof value !== "string") return value;
  if (pem.test(value)) return hidden;
  return value.replace(/\/\/[^/\s@]*@/g, `//${hidden}@`).replace(/(\w:\/\/[^\s?]*\?)\S+/g, `$1${hidden}`);
}

/** Documents as they may be shown. */
export const shownDocuments = (documents: readonly Document[]): Document[] =>
  documents.map((document) => {
    if (typeof document.kind !== "string" || !isHiddenKind(document.kind)) return withoutSecrets(document) as Document;
    return Object.fromEntries(Object.entries(document).map(([key, item]) => [key, /^(apiVersion|kind|name)$/.test(key) ? item : hidden]));
  });
