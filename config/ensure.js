// Runs before `npm start` and `npm test`: installs what package-lock.json names where it is missing or another version, and checks that a
// new enough Node is there. Plain JavaScript for Node 20 without packages, because it runs before there are any.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const lockFile = join(root, "package-lock.json");
// npm writes this file last, so it is missing after an installation that was broken off.
const installedFile = join(root, "node_modules", ".package-lock.json");

/** @param {string} file */
const readJson = (file) => JSON.parse(readFileSync(file, "utf8"));

/** @param {string} message */
function stop(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/** Why the packages have to be installed, or nothing. */
function whyInstall() {
  if (!existsSync(lockFile)) return undefined;
  if (!existsSync(installedFile)) return "The packages are not installed";
  if (statSync(installedFile).mtimeMs >= statSync(lockFile).mtimeMs) return undefined;
  // A checkout touches the file without changing it; only other contents are worth an installation.
  const wanted = readJson(lockFile).packages ?? {};
  const installed = readJson(installedFile).packages ?? {};
  const withoutDev = process.env.npm_lifecycle_event === "prestart";
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === "" || entry.link) continue;
    const found = installed[path];
    const mayMiss = entry.optional || entry.devOptional || entry.peer || (entry.dev && withoutDev);
    if (found ? found.version !== entry.version || found.integrity !== entry.integrity : !mayMiss) {
      return `${path.replace(/^.*node_modules\//, "")} ${entry.version} is not installed`;
    }
  }
  return undefined;
}

/** @param {string} why */
function install(why) {
  process.stderr.write(`${why}: running npm ci, which takes a minute\n`);
  const npm = process.env.npm_execpath;
  const options = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  const ended = npm?.endsWith("js")
    ? spawnSync(process.execPath, [npm, ...options], { cwd: root, stdio: ["ignore", 2, 2] })
    : spawnSync("npm", options, { cwd: root, stdio: ["ignore", 2, 2], shell: process.platform === "win32" });
  if (ended.error) stop(`npm could not be started (${ended.error.message}). Install npm, then run: npm ci`);
  if (ended.status !== 0) {
    stop(
      `npm ci failed (exit ${ended.status ?? ended.signal}); what it said stands above. Without a network it needs npm's cache; behind a proxy, set registry and proxy in .npmrc. Then run: npm ci`,
    );
  }
}

/** The version of the Node that npm scripts will find first, and where it is. */
function foundNode() {
  try {
    const program = realpathSync(join(root, "node_modules", ".bin", "node"));
    return { version: String(readJson(join(program, "..", "..", "package.json")).version), where: "node_modules/.bin/node" };
  } catch {
    return { version: process.versions.node, where: process.execPath };
  }
}

/** @param {string} version @param {string} least */
function isAtLeast(version, least) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [leastMajor = 0, leastMinor = 0] = least.split(".").map(Number);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}

try {
  const why = whyInstall();
  if (why) install(why);
  const least = /\d+\.\d+/.exec(readJson(join(root, "package.json")).engines?.node ?? "")?.[0] ?? "24.0";
  const { version, where } = foundNode();
  if (!isAtLeast(version, least)) {
    stop(
      `Lightsout needs Node ${least} or newer, and ${where} is ${version}. On Linux (x64, arm64) npm installs one for this project: run npm ci without --omit=optional. Elsewhere install Node 24 (https://nodejs.org) and try again`,
    );
  }
} catch (error) {
  stop(`The installation could not be checked: ${error instanceof Error ? error.message : error}. Run: npm ci`);
}
