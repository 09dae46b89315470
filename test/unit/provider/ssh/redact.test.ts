import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redact } from "../../../../provider/ssh/redact.ts";
import { makeKey } from "../../../support/sshServer.ts";

describe("redact", () => {
  it("replaces a secret wherever it stands", () => {
    expect(redact("hunter2 is hunter2", ["hunter2"])).toBe("[secret] is [secret]");
  });

  it("finds a private key line by line, and as JSON writes it", () => {
    const key = makeKey().private;
    const line = key.split("\n")[2] ?? "";
    expect(redact(`at ${line} of ${JSON.stringify(key)}`, [key])).toBe('at [secret] of "[secret]"');
  });

  it("leaves nothing standing of a secret that holds another one", () => {
    expect(redact("swordfish", ["sword", "swordfish"])).toBe("[secret]");
  });

  it("leaves no secret in any text", () => {
    const secret = fc.string({ minLength: 9 }).filter((text) => text.trim() !== "");
    fc.assert(
      fc.property(fc.string(), secret, fc.string(), (before, hidden, after) => {
        expect(redact(before + hidden + after, [hidden])).not.toContain(hidden);
      }),
    );
  });
});
