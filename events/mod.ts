export type { Bus, StoredEvent } from "./bus.ts";
export { createBus } from "./bus.ts";
export { builtinEvents } from "./catalogue/all.ts";
export * from "./catalogue/mod.ts";
export type { Clock } from "./clock.ts";
export { scaledClock, systemClock } from "./clock.ts";
export type { CloudEvent, CloudEvent as StoredEventOf, EventDefinition, Intent, Lane, Origin, StoredCloudEvent } from "./define-event.ts";
export { defineEvent, stableId } from "./define-event.ts";
export type { Duration } from "./duration.ts";
export { durationPattern, humanDuration, isDuration, milliseconds } from "./duration.ts";
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
export { isPlaceholderSerial, isPlaceholderUuid, normaliseUuid, sameSerial, sameUuid, uuidByteOrders } from "./identity.ts";
export type { Incident, Incidents } from "./incidents.ts";
export { createIncidents, incidentEventId } from "./incidents.ts";
export { invalidEvent } from "./invalid.ts";
export type { Entry, Fact, Obligation, RunStatus, Verdict, Word } from "./journal.ts";
export { isFinished, journalSubject, openObligations, readJournal } from "./journal.ts";
export type { Json, StepResult } from "./json.ts";
export { canonical } from "./json.ts";
export { keepLooking, spread } from "./keep-looking.ts";
export { clearLeases, type LeaseTimes } from "./leases.ts";
export type { Ledger, LedgerEntry } from "./ledger.ts";
export { createLedger } from "./ledger.ts";
export { createMemoryStore } from "./memory.ts";
export type { Reservations, Use } from "./reservations.ts";
export { emitRound, nextRounds, startRounds, tellLoss } from "./rounds.ts";
export type { RunSummary, Runs } from "./runs.ts";
export { createRuns } from "./runs.ts";
export type { Accepted, Incoming } from "./runtime/accept.ts";
export { runIdOf } from "./runtime/accept.ts";
export { askGuards, previews } from "./runtime/judge.ts";
export type { Office, RunName, RuntimeLog } from "./runtime/office.ts";
export type { ActVerb, Permit } from "./runtime/permit.ts";
export { admit } from "./runtime/permit.ts";
export { planEvent } from "./runtime/plan.ts";
export { summaryFromJournal } from "./runtime/rebuild.ts";
export type {
  Act,
  ActIntent,
  ActOutcome,
  FunctionSpec,
  Guard,
  HandlerContext,
  Observation,
  Precedence,
  Rate,
  RunOptions,
  Step,
} from "./runtime/spec.ts";
export type { Worker, WorkerOptions } from "./runtime/worker.ts";
export { createWorker } from "./runtime/worker.ts";
export type { Attestation, Drill, Hold, HoldScope, NodeHold, Settings, Trust } from "./settings.ts";
export { createSettings } from "./settings.ts";
export type { Appended, Bucket, EventStore, Kv, KvEntry, Log, LogRecord, Stop, StoreHealth, Stream, Subject } from "./store.ts";
export { checkName, decodeToken, encodeToken, matches } from "./store.ts";
