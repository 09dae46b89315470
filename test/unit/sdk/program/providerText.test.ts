import { createRequire } from "node:module";
import type * as pulumi from "@pulumi/pulumi";
import { afterEach, describe, expect, it } from "vitest";
import { providerText, throughOthers } from "../../../../sdk/program/providerText";
import { kindNames } from "../../../support/kindNames";

/** Runs a text as Pulumi's dynamic provider does, with calls noted instead of made. */
function run(text: string, require: (name: string) => unknown): pulumi.dynamic.ResourceProvider {
  const exports: { handler?: () => pulumi.dynamic.ResourceProvider } = {};
  new Function("require", "exports", text)(require, exports);
  const provider = exports.handler?.();
  if (provider === undefined) throw new Error(`no handler in ${text}`);
  return provider;
}

describe("providerText", () => {
  it.each(kindNames)("hands each call on %s to the installed package, and holds no code but that", async (kind) => {
    const calls: unknown[] = [];
    const noted = new Proxy(
      {},
      {
        get:
          (_, operation) =>
          (...args: unknown[]) =>
            calls.push([operation, ...args]),
      },
    );
    const text = providerText(kind);
    const provider = run(text, (name) => (name === "pulumi-netboot/provider" ? noted : undefined));
    await provider.check?.("olds", "news");
    await provider.diff?.("id", "olds", "news");
    await provider.create("news");
    await provider.read?.("id", "props");
    await provider.update?.("id", "olds", "news");
    await provider.delete?.("id", "props");
    expect(calls).toEqual([
      ["check", kind, "olds", "news"],
      ["diff", kind, "id", "olds", "news"],
      ["create", kind, "news"],
      ["read", kind, "id", "props"],
      ["update", kind, "id", "olds", "news"],
      ["remove", kind, "id", "props"],
    ]);
    // It lies in the state once for each machine.
    expect(text.length).toBeLessThan(600);
    expect(text).not.toContain(process.cwd());
  });

  it("loads the package when it is first called, for a run that has nothing to ask of it", () => {
    expect(() => run(providerText("OlaNode"), () => expect.fail("loaded"))).not.toThrow();
  });
});

describe("throughOthers", () => {
  const memory = globalThis as { pulumiNetbootProvider?: unknown };
  afterEach(() => {
    memory.pulumiNetbootProvider = undefined;
  });

  it("is a text that stands alone, holds no place of this machine, and asks once", async () => {
    const text = providerText("OlaNode", throughOthers.toString());
    expect(text).not.toContain(process.cwd());
    const provider = run(text, createRequire(`${process.cwd()}/`));
    memory.pulumiNetbootProvider = { diff: (...args: unknown[]) => args };
    expect(await provider.diff?.("id", 1, 2)).toEqual(["OlaNode", "id", 1, 2]);
  });
});
