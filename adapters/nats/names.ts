import type { Bucket, Stream, Subject } from "#events";
import { LightsoutError } from "#events";

const TOKENS = { events: "evt", journal: "jrn", dead: "dead" } as const satisfies Record<Stream, string>;

/** Refuses a site that could not stand in a subject and in a stream's name. */
export function checkSite(site: string): void {
  if (/^[A-Za-z0-9_-]+$/.test(site)) return;
  throw new LightsoutError("LO_STORE_SITE", `${JSON.stringify(site)} cannot be a site's name on NATS`, {
    hint: "Use letters, digits, - and _",
  });
}

export const streamName = (site: string, stream: Stream): string => `LIGHTSOUT_${site}_${stream.toUpperCase()}`;

export const bucketName = (site: string, bucket: Bucket): string => `lightsout_${site}_${bucket}`;

/** A stream's subject or filter as NATS sees it. */
export const natsSubject = (site: string, stream: Stream, subject: Subject): string => `lightsout.${site}.${TOKENS[stream]}.${subject}`;

/** The inverse of `natsSubject`. */
export const plainSubject = (site: string, stream: Stream, subject: string): Subject => subject.slice(natsSubject(site, stream, "").length);

/** Where anybody may knock: the open door's subjects. */
export const doorSubject = (site: string): string => `lightsout.${site}.in`;
