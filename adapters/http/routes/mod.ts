import type { Route } from "../route.ts";
import { attestationRoutes } from "./attestation.ts";
import { configRoutes } from "./config.ts";
import { deadRoutes } from "./dead.ts";
import { eventRoutes } from "./events.ts";
import { freezeRoutes } from "./freeze.ts";
import { healthRoutes } from "./health.ts";
import { holdRoutes } from "./holds.ts";
import { identifyRoutes } from "./identify.ts";
import { machineRoutes } from "./machines.ts";
import { netbootRoutes } from "./netboot.ts";
import { openapiRoutes } from "./openapi.ts";
import { questionRoutes } from "./questions.ts";
import { runRoutes } from "./runs.ts";
import { shadowRoutes } from "./shadow.ts";
import { snapshotRoutes } from "./snapshots.ts";
import { trustRoutes } from "./trust.ts";

/** Every way into the API. */
export const routes: readonly Route[] = [
  ...eventRoutes,
  ...runRoutes,
  ...questionRoutes,
  ...machineRoutes,
  ...identifyRoutes,
  ...attestationRoutes,
  ...configRoutes,
  ...netbootRoutes,
  ...snapshotRoutes,
  ...holdRoutes,
  ...freezeRoutes,
  ...trustRoutes,
  ...shadowRoutes,
  ...deadRoutes,
  ...healthRoutes,
  ...openapiRoutes,
];
