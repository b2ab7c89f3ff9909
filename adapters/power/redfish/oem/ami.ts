import type { Quirks } from "./quirk.ts";

/**
 * AMI MegaRAC SP-X, also under the names of Gigabyte, ASRock Rack, Tyan and others.
 * - PATCH needs If-Match (gofish issue 171; smart-proxy pull 930); weak ETags are rejected and Gigabyte takes only the bare form
 *   (sushy `_etag_handler`; github.com/ansible-collections/community.general/pull/6434).
 * - System and manager are called `Self`; the SEL is the manager's.
 */
export const ami: Quirks = {
  vendor: "ami",
  names: /^(ami\b|megarac|american megatrends|giga|asrock|tyan)/i,
  reset: ["ForceRestart"],
  bootSendAll: false,
  cd: ["Cd", "UsbCd"],
  logs: ["SEL", "EventLog"],
};
