import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { providers } from "../../../../sdk/program/inProvider";

describe("inProvider", () => {
  it.each(Object.keys(providers))(
    "serialises %s to the same text for ever, which holds no code but calls",
    async (kind) => {
      const provider = providers[kind as keyof typeof providers];
      const { text } = await pulumi.runtime.serializeFunction(() => provider, { allowSecrets: true });
      expect(text.length).toBeLessThan(4096);
      // Changing this text would show as an update of every resource of every user.
      await expect(text).toMatchFileSnapshot(`../../../golden/closures/${kind}.js`);
    },
  );
});
