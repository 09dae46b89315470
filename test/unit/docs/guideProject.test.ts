import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

it("the project at the top is the guide's, run from there", () => {
  const [name, description, ...rest] = readFileSync("examples/guide/Pulumi.yaml", "utf8").split("\n");
  const top = [name, description, "main: examples/guide", ...rest].join("\n");
  expect(readFileSync("Pulumi.yaml", "utf8")).toBe(top);
});
