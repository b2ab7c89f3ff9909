import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    pool: "forks",
    maxWorkers: 2,
    // Sockets and processes of a busy machine have a timing of their own: in CI such a test gets a second chance, and is named in the report.
    retry: process.env.CI ? 1 : 0,
  },
});
