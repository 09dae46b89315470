import { describe, expect, it } from "vitest";
import { renderCounts } from "../../../../provider/cli/view";

type Machine = Parameters<typeof renderCounts>[0]["machines"][number];

const machine = (name: string, by: number, known: Machine["known"]): Machine =>
  ({ name, by, known }) as unknown as Machine;

describe("renderCounts", () => {
  it("counts machines by what is known of them, the worst first", () => {
    const resources = ["OlaFleet/shop/prod/rack"];
    expect(renderCounts({ resources, machines: [] })).toBe("0 machines");
    expect(renderCounts({ resources, machines: [machine("a", 0, "proved")] })).toBe("1 machine: 1 proved");
    const three = [machine("a", 0, "proved"), machine("b", 0, "wrong"), machine("c", 0, "proved")];
    expect(renderCounts({ resources, machines: three })).toBe("3 machines: 1 fail, 2 proved");
  });

  it("counts one on two node 0s once, and two of one name on two node 0s that know nothing of each other twice", () => {
    const resources = ["OlaNode/shop/prod/a", "OlaNode/shop/prod/a@node0-b", "OlaNode/shop/prod/other"];
    const machines = [machine("a", 0, "proved"), machine("a", 1, "wrong"), machine("a", 2, "proved")];
    expect(renderCounts({ resources, machines })).toBe("2 machines: 1 fail, 1 proved");
  });
});
