import { describe, expect, it } from "vitest";
import { plannableRows, whyHidden, whyUnplannable } from "../../../../provider/preview/placeholders";

const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

describe("what a preview hides", () => {
  it("is found wherever it stands", () => {
    expect(whyHidden({ macs: ["52:54:00:00:00:01", unknown] })).toBe("known only in the up");
    expect(whyHidden({ a: { b: "[secret]" } })).toBe("a secret, which is not shown");
    expect(whyHidden({ macs: ["52:54:00:00:00:01"], none: null })).toBeUndefined();
  });

  it("keeps a machine from being planned, but not a text that is for people or a whole file", () => {
    const machine = { hostname: "a", macs: ["52:54:00:00:00:01"] };
    const node = { hostBlocks: "host a {}", ...machine, nextBoot: unknown };
    expect(whyUnplannable("OlaNode", node)).toBeUndefined();
    expect(whyUnplannable("OlaNode", { ...node, macs: [unknown], hostBlocks: unknown })).toBe(
      "hostBlocks, macs: known only in the up",
    );
    expect(whyUnplannable("OlaFleet", { rows: unknown })).toBe("rows: known only in the up");
    const file = { directory: "/srv/tftp", name: "refind.pxe" };
    expect(whyUnplannable("BootFile", { ...file, content: "[secret]" })).toBeUndefined();
    expect(whyUnplannable("BootFile", { ...file, name: unknown, content: "x" })).toBe("name: known only in the up");
  });
});

describe("plannableRows", () => {
  it("plans a fleet without those of its machines that are hidden, and takes what the state has of them", () => {
    const rows = { a: "10.0.0.1 a 52:54:00:00:00:01", b: "[secret]", c: "[secret]", d: unknown };
    const b = "10.0.0.2 b 52:54:00:00:00:02";
    expect(plannableRows(rows, { a: "another", b })).toEqual({
      rows: { a: rows.a, b },
      hidden: [
        { name: "b", why: "a secret, which is not shown; planned as the stack has it until now" },
        { name: "c", why: "a secret, which is not shown" },
        { name: "d", why: "known only in the up" },
      ],
    });
  });
});
