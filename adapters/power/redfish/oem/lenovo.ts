import type { Quirks } from "./quirk.ts";

/**
 * Lenovo XClarity Controller (XCC, XCC2, XCC3).
 * - PATCH without If-Match is answered 428; newer firmware answers 412 to a header that does not match: the ladder in etag.ts covers
 *   both (github.com/ansible/ansible/issues/56150, github.com/ansible-collections/community.general/issues/11261).
 * - No PowerCycle and no PushPowerButton (SR650, bmclib fixture).
 * - Virtual drives have no InsertMedia: Image and Inserted are written, with If-Match (sushy `VirtualMedia.insert_media`;
 *   github.com/bmc-toolbox/bmclib/pull/438).
 * - Boot overrides are Once or Disabled, never Continuous (ironic).
 */
export const lenovo: Quirks = {
  vendor: "lenovo",
  names: /^(lenovo|xcc)/i,
  reset: ["ForceRestart"],
  bootSendAll: false,
  cd: ["Cd", "UsbCd"],
  mediaByPatch: true,
  logs: ["PlatformLog", "ActiveLog", "StandardLog", "SEL"],
};
