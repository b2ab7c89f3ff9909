import { checkOpen, type Listen, type Servable, type Served, serveHttp } from "./serve.ts";

/** Servers that outlive what they serve. */
export interface Listeners {
  /**
   * Serves an app as `serveHttp` does. Where one that was served as the same `part` already listens at this address, the new one answers from
   * now on, without a moment in between; when the new one is closed first, the one before answers again.
   */
  serve(part: string, app: Servable, listen: Listen): Promise<Served>;
}

/** No server listens yet. */
export function createListeners(): Listeners {
  const open = new Map<string, { readonly apps: Servable[]; readonly server: Served }>();
  return {
    async serve(part, app, listen) {
      const place = `${part} ${typeof listen === "string" ? listen : `${listen.host} ${listen.port}`}`;
      const there = open.get(place);
      const apps = there?.apps ?? [];
      if (there) {
        checkOpen(app, listen);
        apps.at(-1)?.endStreams();
      }
      apps.push(app);
      const server = there?.server ?? (await serveHttp(lastOf(apps, app), { listen }));
      open.set(place, { apps, server });
      return {
        url: server.url,
        async close() {
          apps.splice(apps.indexOf(app), 1);
          app.endStreams();
          if (apps.length > 0) return;
          open.delete(place);
          await server.close();
        },
      };
    },
  };
}

const lastOf = (apps: readonly Servable[], first: Servable): Servable => ({
  fetch: (...asked) => (apps.at(-1) ?? first).fetch(...asked),
  guarded: first.guarded,
  endStreams: () => undefined,
});
