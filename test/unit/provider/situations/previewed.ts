import * as pulumi from "@pulumi/pulumi";
import { vi } from "vitest";
import { mockEngine } from "../../../../sdk/testing";
import type { Situation } from "./situation";

/** What a preview of a program says. */
export function previewed(what: string, program: () => unknown): Situation {
  const said = async () => {
    const error = vi.spyOn(pulumi.log, "error").mockResolvedValue(undefined);
    try {
      await mockEngine().run(program);
    } catch (thrown) {
      return (thrown as Error).message.split("\n").toSorted().join("\n");
    } finally {
      error.mockRestore();
    }
    throw new Error(`nothing is wrong: ${what}`);
  };
  return { what, said };
}
