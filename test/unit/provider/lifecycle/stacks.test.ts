import { afterEach, describe, expect, it, vi } from "vitest";
import {
  generationOf,
  identityIn,
  idFromUrn,
  idOfNew,
  otherId,
  ownershipOf,
  rememberResource,
  rememberTokens,
  urnFromId,
  urnIn,
} from "../../../../provider/lifecycle/stacks";

let count = 0;
/** A name in a stack that no other test knows. */
const identity = (name = "a", stack = `s${++count}`): string => `OlaNode/p/${stack}/${name}`;

afterEach(() => vi.unstubAllEnvs());

describe("idFromUrn", () => {
  it.each([
    ["urn:pulumi:dev::shop::pulumi-nodejs:dynamic/netboot:OlaNode::db-1", "OlaNode/shop/dev/db-1"],
    ["urn:pulumi:dev::shop::a:b:C$pulumi-nodejs:dynamic/netboot:OlaNode::x::y/z", "OlaNode/shop/dev/x::y_z"],
  ])("is kind, project, stack and name: %s", (urn, id) => {
    expect(idFromUrn("OlaNode", urn)).toBe(id);
  });

  it("is what a resource without a parent goes back to", () => {
    expect(identityIn("OlaNode", "OlaNode/shop/dev/db-1", {})).toBe("OlaNode/shop/dev/db-1");
    expect(identityIn("OlaNode", "OlaNode/shop/dev/db-1", { __urn: urnFromId("OlaNode/shop/live/db") })).toBe(
      "OlaNode/shop/live/db",
    );
  });
});

describe("urnIn", () => {
  it("is whole where the program left out the type, as it does without a parent", () => {
    expect(urnIn("OlaNode", { __urn: "urn:pulumi:dev::shop::::db-1" })).toBe(urnFromId("OlaNode/shop/dev/db-1"));
    const whole = "urn:pulumi:dev::shop::a:b:C$pulumi-nodejs:dynamic/netboot:OlaNode::x::y";
    expect(urnIn("OlaNode", { __urn: whole })).toBe(whole);
    expect(urnIn("OlaNode", {})).toBeUndefined();
    expect(identityIn("OlaNode", "", { __urn: "urn:pulumi:dev::shop::::db-1" })).toBe("OlaNode/shop/dev/db-1");
  });
});

describe("generationOf", () => {
  it("begins alike in one stack, and in no other", () => {
    const one = identity();
    const [first, second] = [generationOf(one), generationOf(one)];
    expect(first).toMatch(/^[0-9a-f]{16}$/);
    expect(first.slice(0, 8)).toBe(second.slice(0, 8));
    expect(first).not.toBe(second);
    expect(generationOf(identity()).slice(0, 8)).not.toBe(first.slice(0, 8));
  });

  it("has the token of what the state holds, and keeps the create's own digits", () => {
    const one = identity();
    rememberResource(one, one, "1111111122222222");
    expect(generationOf(one)).toMatch(/^11111111/);
    expect(generationOf(one, "33333333")).toBe("1111111133333333");
    expect(generationOf(one, "4444444433333333")).toBe("4444444433333333");
  });
});

describe("rememberTokens", () => {
  const place = "5f70bf18a086007f";

  it("has a create be of the stack whose state the program has read, before the engine shows anything of it", () => {
    const one = identity();
    rememberTokens(one, ["11111111", "22222222"]);
    expect(generationOf(one)).toMatch(/^11111111/);
    expect(ownershipOf(one, one, place).wants).toEqual([{ want: "settled" }]);
    expect([...ownershipOf(one, one, place).stack.tokens]).toEqual(["11111111", "22222222"]);
  });

  it.each([[[]], [undefined]])("leaves a stack unsettled of whose state there is %j", (tokens) => {
    const one = identity();
    rememberTokens(one, tokens);
    expect(ownershipOf(one, one, place).wants).toEqual([{ want: "begun", at: place }]);
  });
});

describe("idOfNew", () => {
  it("is the name's own, also where it is replaced or made again", () => {
    const one = identity();
    expect(idOfNew(one)).toBe(one);
    rememberResource(one, one, "11111111");
    expect(idOfNew(one)).toBe(one);
  });

  it("is another one where a resource that was made under this name has another now", () => {
    const one = identity();
    rememberResource(one.replace(/a$/, "renamed"), one, "11111111");
    expect(idOfNew(one)).toMatch(/~[0-9a-f]{8}$/);
    expect(idOfNew(one).slice(0, -9)).toBe(one);
    expect(otherId(one)).not.toBe(otherId(one));
  });
});

describe("ownershipOf", () => {
  const place = "5f70bf18a086007f";

  it("says where Pulumi has it, if its id does not", () => {
    const one = identity();
    expect(ownershipOf(one, one, place).wants).not.toContainEqual(expect.objectContaining({ want: "named" }));
    expect(ownershipOf(one, "OlaNode/p/old/b", place).wants).toContainEqual({ want: "named", as: one });
  });

  it("says whether the state knows of the stack's token", () => {
    const one = identity();
    generationOf(one);
    const begun = { want: "begun", at: place };
    expect(ownershipOf(one, one, place).wants).toEqual([begun]);
    rememberResource(one, one, "11111111");
    expect(ownershipOf(one, one, place).wants).toEqual([begun]);
    rememberResource(one, one, "2222222211111111");
    expect(ownershipOf(one, one, place).wants).toEqual([{ want: "settled" }]);
    expect([...ownershipOf(one, one, place).stack.tokens]).toContain("22222222");
  });

  it("takes over what the environment names", () => {
    const one = identity();
    expect(ownershipOf(one, one, place).stack.takesOver).toBeUndefined();
    vi.stubEnv("PULUMI_NETBOOT_TAKE_OVER", "p/dev");
    expect(ownershipOf(one, one, place).stack.takesOver).toBe("p/dev");
  });
});
