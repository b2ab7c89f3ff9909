import { type Finding, failure, ok } from "./check.ts";

/** What Lightsout runs on. */
export function checkHost(version = process.versions.node): readonly Finding[] {
  const seen = `${version}, at ${process.execPath}`;
  if (Number(version.split(".")[0]) >= 24) return [ok("Node.js", seen)];
  return [
    failure("Node.js", `${seen}: 24 or newer is needed`, "npm ci brings one along on Linux; elsewhere install Node 24 from nodejs.org"),
  ];
}
