import { describe, expect, it } from "vitest";
import { whyHidden, whyUnplannable } from "../../../../provider/preview/placeholders";

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
