import type { ServerResponse } from "node:http";
import type { Clock } from "#events";
import type { KubeObject } from "./kube-objects.ts";
import { resources, status } from "./kube-resources.ts";
import { createSelector } from "./kube-selectors.ts";
import type { Change, KubeStore } from "./kube-store.ts";

/** Streams the changes of one resource as the API server does: one JSON event a line, bookmarks once a minute. */
export interface KubeWatches {
  open(resource: string, namespace: string | undefined, query: URLSearchParams, response: ServerResponse): void;
  /** Ends every open watch: cleanly, or with the error event of an expired resource version. */
  end(how: "close" | "gone"): void;
  /** Whether bookmarks are sent to those who ask for them. @default true */
  bookmarks: boolean;
  /** While true, open watches stay open and get nothing: a connection that died without a word. @default false */
  mute: boolean;
  count(): number;
}

const BOOKMARK_MS = 60_000;

export function createKubeWatches(store: KubeStore, clock: Clock): KubeWatches {
  const open = new Set<(how: "close" | "gone") => void>();
  const gone = `${JSON.stringify({ type: "ERROR", object: status(410, "Expired", "too old resource version") })}\n`;

  const watches: KubeWatches = {
    bookmarks: true,
    mute: false,
    count: () => open.size,
    end(how) {
      for (const end of [...open]) end(how);
    },
    open(resource, namespace, query, response) {
      const selects = createSelector(query);
      const matches = (object: KubeObject | undefined) =>
        object !== undefined && (namespace === undefined || object.metadata.namespace === namespace) && selects(object);
      const send = (type: string, object: unknown) => {
        if (!watches.mute) response.write(`${JSON.stringify({ type, object })}\n`);
      };
      const show = (change: Change) => {
        if (change.resource !== resource) return;
        const is = matches(change.object) && change.type !== "DELETED";
        const was = matches(change.before);
        if (is) send(was ? "MODIFIED" : "ADDED", change.object);
        else if (was) send("DELETED", change.object);
      };

      response.writeHead(200, { "content-type": "application/json", "transfer-encoding": "chunked" });
      response.flushHeaders();
      const from = query.get("resourceVersion") ?? "0";
      const missed = from === "0" ? [] : store.since(Number(from));
      if (missed === undefined) {
        response.end(gone);
        return;
      }
      if (from === "0") for (const object of store.list(resource)) if (matches(object)) send("ADDED", object);
      for (const change of missed) show(change);

      const stopped = new AbortController();
      const unsubscribe = store.onChange(show);
      const end = (how: "close" | "gone") => {
        open.delete(end);
        unsubscribe();
        stopped.abort();
        response.end(how === "gone" ? gone : undefined);
      };
      open.add(end);
      response.on("close", () => {
        open.delete(end);
        unsubscribe();
        stopped.abort();
      });
      const seconds = Number(query.get("timeoutSeconds") ?? 1800);
      void clock.sleep(seconds * 1000, stopped.signal).then(
        () => end("close"),
        () => undefined,
      );
      const bookmark = async () => {
        const { kind, group, version } = resources[resource] ?? { kind: "", group: "", version: "v1" };
        for (;;) {
          await clock.sleep(BOOKMARK_MS, stopped.signal);
          const metadata = { resourceVersion: String(store.version()) };
          if (watches.bookmarks) send("BOOKMARK", { kind, apiVersion: group === "" ? version : `${group}/${version}`, metadata });
        }
      };
      if (query.get("allowWatchBookmarks") === "true") void bookmark().catch(() => undefined);
    },
  };
  return watches;
}
