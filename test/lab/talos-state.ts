import { Code, ConnectError, type ContextKey, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import type { State } from "#adapters/os/talos/gen/cosi_pb.ts";
import { hasKind, type LabResource, specYaml } from "./talos-resources.ts";

/** Talos's resources to a reader: what there is, what there is not, and what is none of their business. */
export function stateService(options: {
  resources: () => readonly LabResource[];
  minor: () => number;
  rolesKey: ContextKey<readonly string[] | undefined>;
}): ServiceImpl<typeof State> {
  const { resources, minor, rolesKey } = options;
  const demandKind = (type: string, { values }: HandlerContext) => {
    if (!hasKind(type, minor(), values.get(rolesKey))) throw new ConnectError(`access denied to ${type}`, Code.PermissionDenied);
  };
  const wire = (resource: LabResource) => ({
    resource: {
      metadata: { namespace: resource.namespace, type: resource.type, id: resource.id, version: "1", phase: "running" },
      spec: { yamlSpec: specYaml(resource) },
    },
  });
  return {
    get({ type, namespace, id }, context) {
      demandKind(type, context);
      const found = resources().find((one) => one.type === type && one.namespace === namespace && one.id === id);
      if (!found) throw new ConnectError(`resource ${type}(${namespace}/${id}) doesn't exist`, Code.NotFound);
      return wire(found);
    },
    async *list({ type, namespace }, context) {
      demandKind(type, context);
      for (const found of resources()) if (found.type === type && found.namespace === namespace) yield wire(found);
    },
  };
}
