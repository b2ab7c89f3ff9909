import type { NodeSettings } from "../port.ts";
import { field, items, strings, text } from "./json.ts";
import { changeNode, type NodeAccess } from "./nodes.ts";

interface Taint {
  readonly key: string;
  readonly value: string;
  readonly effect: string;
}

/** Gives a Node labels and taints, and leaves all others alone. A taint with the same key and effect is replaced. */
export function settleNode(access: NodeAccess, machine: string, settings: NodeSettings, signal?: AbortSignal): Promise<readonly string[]> {
  const taints = Object.entries(settings.taints).map(([key, written]) => taintOf(key, written));
  return changeNode<readonly string[]>(
    access,
    machine,
    "set labels and taints",
    (node) => {
      const there = strings(field(node, "metadata", "labels"));
      const labels = Object.entries(settings.labels).filter(([key, value]) => there[key] !== value);
      const now = items(field(node, "spec", "taints"));
      const missing = taints.filter(
        (taint) => !now.some((one) => sameTaint(one, taint) && (text(field(one, "value")) ?? "") === taint.value),
      );
      if (labels.length === 0 && missing.length === 0) return { done: [] };
      const kept = now.filter((one) => !missing.some((taint) => sameTaint(one, taint)));
      const patch = {
        ...(labels.length > 0 && { metadata: { labels: Object.fromEntries(labels) } }),
        ...(missing.length > 0 && { spec: { taints: [...kept, ...missing] } }),
      };
      const done = [
        ...labels.map(([key, value]) => `label ${key}=${value}`),
        ...missing.map(({ effect, key, value }) => `taint ${key}${value === "" ? "" : `=${value}`}:${effect}`),
      ];
      return { patch, done };
    },
    signal,
  );
}

/** `value:Effect`, as Talos writes it; the value may be empty. */
function taintOf(key: string, written: string): Taint {
  const at = written.lastIndexOf(":");
  return { key, value: at < 0 ? "" : written.slice(0, at), effect: written.slice(at + 1) };
}

const sameTaint = (one: unknown, taint: Taint) => field(one, "key") === taint.key && field(one, "effect") === taint.effect;
