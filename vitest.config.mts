import { defineConfig } from "vitest/config";
// Makes provider/embedded.ts, which a fresh clone has not.
import "./tools/embed.mts";

/** No test is about time: a machine that others share may be ten times as slow. */
const patient = { testTimeout: 60_000, hookTimeout: 60_000 };

/** Each file brings a lab of its own up and down, and waits for a good part of its time, so three share a machine of two cores. */
const onTheHost = { maxWorkers: 3, testTimeout: 600_000, hookTimeout: 900_000 };

export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], ...patient, sequence: { groupOrder: 0 } } },
      { test: { name: "system", include: ["test/system/**/*.test.ts"], ...onTheHost, sequence: { groupOrder: 1 } } },
      { test: { name: "matrix", include: ["test/matrix/**/*.test.ts"], ...onTheHost, sequence: { groupOrder: 2 } } },
    ],
  },
});
