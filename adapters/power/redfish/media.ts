import { DeviceError, UnsupportedError } from "#events";
import { type Client, optional } from "./client.ts";
import { members, type Service } from "./discovery.ts";
import { at, type Fields, fields, pathOf, text, texts } from "./fields.ts";
import { accepted } from "./reply.ts";

/** A drive that the BMC shows to the machine (DSP0268, VirtualMedia). */
interface Drive {
  readonly path: string;
  readonly insert: string;
  readonly eject: string | undefined;
  /** The image in it. */
  readonly image: string | undefined;
}

interface How {
  readonly gate: () => void;
  readonly signal: AbortSignal;
}

/**
 * Puts an image into the machine's virtual CD drive, and reads that back; answers what was done, or `undefined` when it was in there. An
 * image that somebody else has put in stays: that is refused, naming it.
 */
export async function insertImage(machine: string, client: Client, service: Service, uri: string, how: How): Promise<string | undefined> {
  const drive = await driveOf(machine, client, service, how.signal);
  if (drive.image === uri) return undefined;
  if (drive.image !== undefined) {
    throw new DeviceError("LO_BMC_REFUSED", about(machine, "none"), `its virtual drive holds ${drive.image} already`, {
      hint: "Somebody may be installing by hand: eject it in the BMC's web page when it is not needed",
    });
  }
  const body = { Image: uri, Inserted: true, WriteProtected: true };
  const reply = await client.change({ method: "POST", path: drive.insert, body, ...how });
  accepted(reply, { target: machine, operation: "boot-once", changes: true });
  const now = (await client.get(drive.path, how.signal)).body;
  if (text(now, "Image") === uri) return `inserted ${uri}`;
  throw new DeviceError(
    "LO_BMC_REFUSED",
    about(machine, "unknown"),
    `the image was accepted, but the drive reads ${text(now, "Image") ?? "empty"}`,
    {
      hint: "Check that the BMC can reach the address, and that its licence allows virtual media",
    },
  );
}

/** Takes this image out of the virtual CD drive; another one is left alone. Answers whether it was in there. */
export async function ejectImage(machine: string, client: Client, service: Service, uri: string, how: How): Promise<boolean> {
  const { eject, image } = await driveOf(machine, client, service, how.signal);
  if (image !== uri || eject === undefined) return false;
  accepted(await client.change({ method: "POST", path: eject, body: {}, ...how }), {
    target: machine,
    operation: "boot-once",
    changes: true,
  });
  return true;
}

async function driveOf(machine: string, client: Client, service: Service, signal: AbortSignal): Promise<Drive> {
  const paths = service.media === undefined ? [] : await members(client, service.media, signal);
  for (const path of paths) {
    const body = await optional(client, path, signal);
    const insert = actionOf(body, "#VirtualMedia.InsertMedia");
    if (insert === undefined || !texts(body, "MediaTypes").some((type) => type === "CD" || type === "DVD")) continue;
    const image = at(body, "Inserted") === true ? text(body, "Image") || "an image without a name" : undefined;
    return { path, insert, eject: actionOf(body, "#VirtualMedia.EjectMedia"), image };
  }
  throw new UnsupportedError(machine, "virtual-media", "its BMC shows no virtual CD drive that takes an image", {
    hint: "Many BMCs need a licence for it; use netboot: pxe instead",
  });
}

const actionOf = (body: Fields, name: string) => pathOf(at(fields(body, "Actions", name), "target"));
const about = (target: string, effect: "none" | "unknown") => ({ target, operation: "boot-once", effect }) as const;
