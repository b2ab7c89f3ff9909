import { Code, ConnectError } from "@connectrpc/connect";
import type { Ask, Call } from "./client.ts";
import { answerOf } from "./failures.ts";
import { State } from "./gen/cosi_pb.ts";
import { parseSpec, type Spec } from "./spec.ts";

/** A kind of resource, by the canonical name that alone the server knows, and where the one of its kind has a fixed id. */
export interface Kind {
  readonly namespace: string;
  readonly type: string;
  readonly id?: string;
}

/** One resource; `undefined` when there is none with this id. */
export const getResource = (ask: Ask, kind: Required<Kind>, call: Call): Promise<Spec | undefined> =>
  getOne(ask, kind, call, (yaml) => specOf(kind.type, yaml));

/** The spec of one resource as it is written there; `undefined` when there is none with this id. */
export const getText = (ask: Ask, kind: Required<Kind>, call: Call): Promise<string | undefined> => getOne(ask, kind, call, (yaml) => yaml);

async function getOne<T>(ask: Ask, kind: Required<Kind>, call: Call, read: (yaml: string) => T): Promise<T | undefined> {
  try {
    return await ask(State, call, async (state, options) => {
      const { resource } = await state.get({ namespace: kind.namespace, type: kind.type, id: kind.id }, options);
      return read(resource?.spec?.yamlSpec ?? "");
    });
  } catch (error) {
    if (answerOf(error)?.code === Code.NotFound) return undefined;
    throw error;
  }
}

/** All resources of a kind, as the machine orders them. */
export async function listResources(ask: Ask, kind: Kind, call: Call): Promise<{ readonly id: string; readonly spec: Spec }[]> {
  return await ask(State, call, async (state, options) => {
    const found: { id: string; spec: Spec }[] = [];
    for await (const { resource } of state.list({ namespace: kind.namespace, type: kind.type }, options)) {
      found.push({ id: resource?.metadata?.id ?? "", spec: specOf(kind.type, resource?.spec?.yamlSpec ?? "") });
    }
    return found;
  });
}

function specOf(type: string, yaml: string): Spec {
  const spec = parseSpec(yaml);
  if (!spec) throw new ConnectError(`the spec of a ${type} is not a YAML object`, Code.Internal);
  return spec;
}
