import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // No test passes or fails by these: they end one that hangs, and a busy machine never reaches them.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers: 2,
    // With sockets and processes of others everywhere, what fails in a run of everything is tried once more, and named in the report.
    retry: process.env.PEERS_REQUIRED ? 1 : 0,
  },
});
