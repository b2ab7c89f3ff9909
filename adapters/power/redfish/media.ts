import { DeviceError, UnsupportedError } from "#events";
import type { BootTarget } from "../port.ts";
import { optional } from "./client.ts";
import { members } from "./discovery.ts";
import { etagOf, patch } from "./etag.ts";
import { at, type Fields, fields, pathOf, text, texts } from "./fields.ts";
import { readBack } from "./look.ts";
import type { Writing } from "./override.ts";
import { accepted, notesOf, type Reply } from "./reply.ts";
import { follow } from "./task.ts";

/** A drive that the BMC shows to the machine (DSP0268, VirtualMedia). */
interface Drive {
  readonly path: string;
  /** Where an image is put in and taken out; `undefined` where both are a PATCH of the drive. */
  readonly actions: { readonly insert: string; readonly eject: string } | undefined;
  /** The image in it. */
  readonly image: string | undefined;
}

/**
 * The image that a target of `cd` boots from goes into the virtual CD drive, and comes out again with `none`; answers what was done, and has
 * it read back. An image that somebody else has put in stays: for `cd` that is refused, naming it.
 */
export async function changeImage(writing: Writing, target: BootTarget, uri: string | undefined): Promise<string[]> {
  if (uri === undefined || (target !== "cd" && target !== "none")) return [];
  const drive = await driveOf(writing);
  if (target === "none" ? drive.image !== uri : drive.image === uri) return [];
  if (target === "none") return [await change(writing, drive, undefined, `ejected ${uri}`)];
  if (drive.image === undefined) return [await change(writing, drive, uri, `inserted ${uri}`)];
  throw new DeviceError("LO_BMC_REFUSED", about(writing, "none"), `its virtual drive holds ${drive.image} already`, {
    hint: "Somebody may be installing by hand: eject it in the BMC's web page when it is not needed",
  });
}

/** @param image what is to be in the drive afterwards; `undefined`: nothing */
async function change(writing: Writing, drive: Drive, image: string | undefined, done: string): Promise<string> {
  const { client, clock, machine, permit } = writing;
  const reply = accepted(await send(writing, drive, image), { target: machine, operation: "boot-once", changes: true });
  await follow(reply, { machine, operation: "boot-once", client, clock, signal: permit.signal });
  const look = async () => imageIn((await client.get(drive.path, permit.signal)).body);
  const seen = await readBack(writing, "the image", look, (now) => now === image);
  if (seen === image) return done;
  throw new DeviceError("LO_BMC_REFUSED", about(writing, "unknown"), `accepted, but the virtual drive reads ${seen ?? "empty"}`, {
    hint: "Check that the BMC can reach the address, and that its licence allows virtual media",
  });
}

/** The least that the standard asks for: older firmware refuses what it need not be told (Supermicro X11; github.com/bmc-toolbox/bmclib/pull/398). */
async function send({ client, permit }: Writing, drive: Drive, image: string | undefined): Promise<Reply> {
  const how = { gate: () => permit.gate(), signal: permit.signal };
  if (!drive.actions) {
    const etag = etagOf((await client.get(drive.path, permit.signal)).reply);
    return await patch(client, drive.path, { Image: image ?? null, Inserted: image !== undefined }, { etag, ...how });
  }
  if (image === undefined) return await client.change({ method: "POST", path: drive.actions.eject, body: {}, ...how });
  const insert = (body: Fields) => client.change({ method: "POST", path: drive.actions?.insert ?? "", body, ...how });
  const reply = await insert({ Image: image });
  // Refused for what it lacks, so nothing was done: some must be told what the address says already (sushy).
  const wants =
    reply.status === 400 && notesOf(reply.body).some(({ args, message }) => `${message} ${args}`.includes("TransferProtocolType"));
  return wants ? await insert({ Image: image, TransferProtocolType: image.startsWith("https:") ? "HTTPS" : "HTTP" }) : reply;
}

async function driveOf({ client, machine, permit, service }: Writing): Promise<Drive> {
  for (const collection of service.media) {
    for (const path of await members(client, collection, permit.signal)) {
      const body = await optional(client, path, permit.signal);
      if (!texts(body, "MediaTypes").some((type) => type === "CD" || type === "DVD")) continue;
      const [insert, eject] = [actionOf(body, "#VirtualMedia.InsertMedia"), actionOf(body, "#VirtualMedia.EjectMedia")];
      const actions = insert !== undefined && eject !== undefined ? { insert, eject } : undefined;
      if (actions || service.quirks.mediaByPatch) return { path, actions, image: imageIn(body) };
    }
  }
  throw new UnsupportedError(machine, "virtual-media", "its BMC shows no virtual CD drive that takes an image", {
    hint: "Many BMCs need a licence for it; use netboot: pxe instead",
  });
}

/** Supermicro goes on naming an image that was taken out (github.com/ansible-collections/community.general/pull/4839 and 7470). */
function imageIn(drive: Fields): string | undefined {
  const inserted = at(drive, "Inserted");
  if (inserted === false || text(drive, "ConnectedVia") === "NotConnected") return undefined;
  return text(drive, "Image") ?? (inserted === true ? "an image without a name" : undefined);
}

const actionOf = (body: Fields, name: string) => pathOf(at(fields(body, "Actions", name), "target"));
const about = ({ machine }: Writing, effect: "none" | "unknown") => ({ target: machine, operation: "boot-once", effect }) as const;
