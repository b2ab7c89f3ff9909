import type { JsMsg, NextMsgRequest, SeqMsgRequest } from "@nats-io/jetstream";
import { JetStreamApiCodes, JetStreamApiError, PubHeaders } from "@nats-io/jetstream";
import type { Appended, Json, Log, LogRecord, Stream, Subject } from "#events";
import { checkName, RefusedError } from "#events";
import type { Stored } from "./bulk.ts";
import { readBulk } from "./bulk.ts";
import { consumeStream } from "./consume.ts";
import { followStream } from "./follow.ts";
import type { Link } from "./link.ts";
import { natsSubject, plainSubject, streamName } from "./names.ts";

/** Both codes say that the subject's last sequence was another one. */
export const CONFLICTS: readonly number[] = [JetStreamApiCodes.StreamWrongLastSequence, JetStreamApiCodes.StreamWrongLastSequenceUnknown];

/** Up to this many records are asked for one by one. */
export const FEW = 50;

/** The log in a site's three streams. */
export function createLog(link: Link, site: string, ackWait: number): Log {
  /** `undefined` for what is not JSON: somebody else wrote into the stream. */
  const recordOf = (stream: Stream, message: Stored): LogRecord | undefined => {
    const data = parse(message.string());
    if (data === undefined) return undefined;
    return { seq: message.seq, subject: plainSubject(site, stream, message.subject), time: message.time.getTime(), data };
  };
  const newest = (stream: Stream, subject: Subject) => {
    const query = { last_by_subj: natsSubject(site, stream, subject) };
    return link.ask(`read ${subject}`, () => link.jsm.streams.getMessage(streamName(site, stream), query), { repeatable: true });
  };
  /** Whether a refused append is in truth a repeated one: newer servers look at the expected sequence before they look at the id. */
  const written = async (stream: Stream, subject: Subject, id: string): Promise<Appended | undefined> => {
    const message = await newest(stream, subject);
    return message?.header.get(PubHeaders.MsgIdHdr) === id ? { ok: true, seq: message.seq, duplicate: true } : undefined;
  };

  return {
    async append(stream, subject, data, { expect, id } = {}): Promise<Appended> {
      checkName(subject);
      const payload = encode(link, `${stream} record ${subject}`, data);
      const options = {
        ...(id === undefined ? {} : { msgID: id }),
        ...(expect === undefined ? {} : { expect: { lastSubjectSequence: expect } }),
      };
      try {
        const call = () => link.js.publish(natsSubject(site, stream, subject), payload, options);
        // Only an id makes it safe to ask again after a lost answer: the server then knows the record.
        const { seq, duplicate } = await link.ask(`append to ${stream} ${subject}`, call, {
          repeatable: id !== undefined,
          expected: CONFLICTS,
        });
        return { ok: true, seq, duplicate };
      } catch (error) {
        if (!(error instanceof JetStreamApiError)) throw error;
        return (id === undefined ? undefined : await written(stream, subject, id)) ?? { ok: false };
      }
    },
    async read(stream, filter, { after = 0, limit = Number.POSITIVE_INFINITY } = {}) {
      const found: LogRecord[] = [];
      const keep = (message: Stored) => {
        const record = recordOf(stream, message);
        if (record) found.push(record);
      };
      let cursor = after;
      if (isWide(filter) && limit > FEW) {
        cursor = await readBulk(link, streamName(site, stream), natsSubject(site, stream, filter), after, limit, keep);
      }
      while (found.length < limit) {
        const message = await nextOf(link, streamName(site, stream), natsSubject(site, stream, filter), cursor + 1);
        if (!message) return found;
        cursor = message.seq;
        keep(message);
      }
      return found.slice(0, limit);
    },
    async last(stream, subject) {
      const message = await newest(stream, subject);
      return message ? recordOf(stream, message) : undefined;
    },
    async position(stream) {
      const info = await link.ask(`look at ${stream}`, () => link.jsm.streams.info(streamName(site, stream)), { repeatable: true });
      return info.state.last_seq;
    },
    async subjects(stream, filter) {
      const { subjects } = await subjectsOf(link, streamName(site, stream), natsSubject(site, stream, filter));
      return subjects.map((subject) => plainSubject(site, stream, subject));
    },
    follow(stream, filter, after, onRecord) {
      return followStream(link, streamName(site, stream), natsSubject(site, stream, filter), after, (message) => {
        const record = recordOf(stream, message);
        if (record) onRecord(record);
      });
    },
    consume(stream, filter, name, handle, atOnce = 1) {
      const position = { stream: streamName(site, stream), filter: natsSubject(site, stream, filter), name, ackWait };
      return consumeStream(link, position, atOnce, async (message: JsMsg) => {
        const record = recordOf(stream, message);
        if (record) await handle(record);
      });
    },
    async purge(stream, subject, { keep = 0 } = {}) {
      const filter = natsSubject(site, stream, subject);
      const options = keep === 0 ? { filter } : { filter, keep };
      await link.ask(`purge ${subject}`, () => link.jsm.streams.purge(streamName(site, stream), options), { repeatable: true });
    },
  };
}

/** The first message at or after `seq`, as the stream's leader knows it. */
export function nextOf(link: Link, stream: string, filter: string, seq: number): Promise<Stored | null> {
  const query: SeqMsgRequest & NextMsgRequest = { seq, next_by_subj: filter };
  return link.ask(`read ${filter}`, () => link.jsm.streams.getMessage(stream, query), { repeatable: true });
}

/** The distinct subjects of a stream under a filter and its last sequence, from its leader. */
export async function subjectsOf(link: Link, stream: string, filter: string): Promise<{ subjects: string[]; last: number }> {
  const look = () => link.jsm.streams.info(stream, { subjects_filter: filter });
  const { state } = await link.ask(`list ${filter}`, look, { repeatable: true });
  return { subjects: Object.keys(state.subjects ?? {}).toSorted(), last: state.last_seq };
}

function isWide(filter: Subject): boolean {
  return /(^|\.)[*>](\.|$)/.test(filter);
}

/** JSON as bytes, refused when the server would end the connection over their number. */
export function encode(link: Link, what: string, data: Json): Uint8Array {
  const payload = Buffer.from(JSON.stringify(data));
  const most = link.nc.info?.max_payload ?? 1_048_576;
  if (payload.length <= most - 1_024) return payload;
  throw new RefusedError(`${link.where}: ${what} has ${payload.length} bytes, the server takes ${most}`, {
    code: "LO_STORE_TOO_BIG",
    hint: "Raise max_payload in the server's configuration",
  });
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
