import type { Storage } from "#adapters/storage/port.ts";
export const openStorage = (..._: unknown[]): Storage => ({ health: async () => ({ healthy: false, why: "" }) });
