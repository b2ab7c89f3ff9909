export type { Clock } from "./clock.ts";
export { scaledClock, systemClock } from "./clock.ts";
export type { Duration } from "./duration.ts";
export { humanDuration, isDuration, milliseconds } from "./duration.ts";
export type { DeviceErrorCode, Effect } from "./errors.ts";
export {
  DeniedError,
  DeviceError,
  effectOf,
  explain,
  GateClosedError,
  LightsoutError,
  RefusedError,
  TerminalError,
  UnsupportedError,
} from "./errors.ts";
export type { Json, StepResult } from "./json.ts";
export { canonical } from "./json.ts";
export type { ActVerb, Permit } from "./runtime/permit.ts";
export { admit } from "./runtime/permit.ts";
export type { Appended, Bucket, EventStore, Kv, KvEntry, Log, LogRecord, Stop, StoreHealth, Stream, Subject } from "./store.ts";
export { decodeToken, encodeToken, matches } from "./store.ts";
