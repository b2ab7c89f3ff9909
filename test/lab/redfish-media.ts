import type { Host } from "./host.ts";
import type { Personality } from "./redfish-personalities.ts";
import type { BmcState, Paths } from "./redfish-resources.ts";
import type { Answer, BmcRequest } from "./redfish-service.ts";

/** How a BMC's virtual CD drive takes an image: by the standard's action; by one that refuses what it need not be told; by a PATCH. */
export type MediaWay = "action" | "bare-action" | "patch";

/** The virtual CD drive as the BMC shows it. */
export function driveDocument(host: Host, { media }: Personality, paths: Paths, { ejected }: BmcState): Record<string, unknown> {
  const { medium: image } = host;
  return {
    "@odata.type": "#VirtualMedia.v1_6_0.VirtualMedia",
    MediaTypes: ["CD", "DVD"],
    Inserted: image !== undefined,
    // Supermicro goes on naming what was taken out.
    Image: image ?? (media === "bare-action" ? (ejected ?? null) : null),
    ConnectedVia: image === undefined ? "NotConnected" : "URI",
    ...(media === "patch"
      ? {}
      : { Actions: { "#VirtualMedia.InsertMedia": { target: paths.insert }, "#VirtualMedia.EjectMedia": { target: paths.eject } } }),
  };
}

/** What a request does to the drive; `undefined` for one that is not for it. `accept` answers as this BMC does and then has the work done. */
export function onDrive(
  { method, path, body }: BmcRequest,
  scene: {
    readonly host: Host;
    readonly personality: Personality;
    readonly paths: Paths;
    readonly state: BmcState;
    readonly accept: (work: () => void) => Answer;
    readonly refuse: (id: string, message: string, args?: string[]) => Answer;
  },
): Answer | undefined {
  const { host, personality, paths, state, accept, refuse } = scene;
  const given = (body ?? {}) as { Image?: unknown; Inserted?: unknown };
  const put = (image: string | undefined) => () => {
    state.ejected = image === undefined ? host.medium : undefined;
    host.medium = image;
  };
  if (personality.media === "patch") {
    if (method !== "PATCH" || !same(path, paths.drive)) return undefined;
    return accept(put(typeof given.Image === "string" && given.Inserted === true ? given.Image : undefined));
  }
  if (personality.media === undefined || method !== "POST") return undefined;
  if (same(path, paths.eject)) return accept(put(undefined));
  if (!same(path, paths.insert)) return undefined;
  const more = Object.keys(given).find((name) => name !== "Image");
  if (personality.media === "bare-action" && more !== undefined) {
    return refuse("Base.1.10.ActionParameterUnknown", `The action has no parameter ${more}.`, [more]);
  }
  if (host.medium !== undefined) return refuse("Base.1.8.ResourceInUse", "The virtual media is attached already.");
  return accept(put(String(given.Image)));
}

const same = (one: string, other: string) => one.replace(/\/$/, "") === other.replace(/\/$/, "");
