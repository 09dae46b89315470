import { defineConfig } from "vitest/config";
// Makes provider/embedded.ts, which a fresh clone has not.
import "./tools/embed.mts";

/** One machine and two cores: the files take turns, and each brings a lab of its own up and down. */
const onTheHost = { fileParallelism: false, testTimeout: 600_000, hookTimeout: 900_000 };

export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"] } },
      { test: { name: "system", include: ["test/system/**/*.test.ts"], ...onTheHost } },
      { test: { name: "matrix", include: ["test/matrix/**/*.test.ts"], ...onTheHost } },
    ],
  },
});
