import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { inProvider, inProviderThroughOthers, providers } from "../../../../sdk/program/inProvider";

async function textOf(provider: pulumi.dynamic.ResourceProvider): Promise<string> {
  const { text } = await pulumi.runtime.serializeFunction(() => provider, { allowSecrets: true });
  expect(text.length).toBeLessThan(4096);
  return text;
}

// Changing one of these texts would show as an update of every resource of every user.
describe("inProvider", () => {
  it.each(Object.keys(providers))(
    "serialises %s to the same text for ever, which holds no code but calls",
    async (kind) => {
      await expect(await textOf(inProvider(kind))).toMatchFileSnapshot(`../../../golden/closures/${kind}.js`);
    },
  );
});

describe("inProviderThroughOthers", () => {
  it("serialises to the same text for ever, which holds no place of this machine", async () => {
    const text = await textOf(inProviderThroughOthers("OlaNode"));
    expect(text).not.toContain(process.cwd());
    await expect(text).toMatchFileSnapshot("../../../golden/closures/OlaNode.throughOthers.js");
  });
});
