import { describe, expect, it } from "vitest";
import { namesOfServers } from "../../../../provider/plan/otherServers";
import { listed } from "../../../../provider/plan/placed";
import { machine } from "./registered";

describe("namesOfServers", () => {
  it("names a few, for a machine that forges answers can be thousands", () => {
    const servers = Array.from({ length: 100 }, (_, n) => ({ server: `10.0.0.${n}`, hardware: "52:54:00:00:00:09" }));
    expect(namesOfServers(servers.slice(0, 2))).toBe("10.0.0.0 (52:54:00:00:00:09), 10.0.0.1 (52:54:00:00:00:09)");
    expect(namesOfServers(servers)).toMatch(/^10\.0\.0\.0 \(.*, 10\.0\.0\.4 \(52:54:00:00:00:09\) and others$/);
  });
});

describe("listed", () => {
  it("names as many machines as one reads, and counts the rest", () => {
    const placed = Array.from({ length: 300 }, (_, n) => ({ id: `OlaNode/p/s/m${n}`, machine: machine(`m${n}`) }));
    expect(listed(placed.slice(0, 1))).toBe("m0 (192.168.1.2, OlaNode/p/s/m0)");
    expect(listed(placed)).toMatch(/, m19 \(192\.168\.1\.2, OlaNode\/p\/s\/m19\) and 280 more$/);
  });
});
