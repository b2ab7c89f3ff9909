#!/usr/bin/env node
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

// Types are stripped by Node 24 and later. Called with an older one, hand over to the Node that came with the dependencies.
const own = fileURLToPath(new URL("../node_modules/.bin/node", import.meta.url));
if (Number(process.versions.node.split(".")[0]) >= 24) {
  await import("./main.ts");
} else if (existsSync(own)) {
  const { status } = spawnSync(own, process.argv.slice(1), { stdio: "inherit" });
  process.exitCode = status ?? 1;
} else {
  console.error("lightsout needs Node 24 or newer, or its own dependencies installed: npm ci");
  process.exitCode = 1;
}
