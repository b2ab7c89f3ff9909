import type { EventDefinition } from "../define-event.ts";
import * as catalogue from "./mod.ts";

/** Every event Lightsout knows, by type. Users' own functions may add theirs when the runtime is composed. */
export const builtinEvents: readonly EventDefinition[] = Object.values(catalogue) as unknown as readonly EventDefinition[];
