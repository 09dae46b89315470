import { describe, expect, it } from "vitest";
import { hostName, placeOf } from "../../../../provider/values/place";

describe("hostName", () => {
  it.each([
    [{ host: "203.0.113.7" }, "203.0.113.7"],
    [{ host: "203.0.113.7", port: 22 }, "203.0.113.7"],
    [{ host: "203.0.113.7", port: 2202 }, "203.0.113.7:2202"],
    [{ host: "[2001:db8::7]" }, "2001:db8::7"],
    [{ host: "2001:db8::7", port: 2202 }, "[2001:db8::7]:2202"],
    [{ port: 2202 }, undefined],
    [undefined, undefined],
  ])("names a host, and its port where it is an unusual one: %j", (connection, name) => {
    expect(hostName(connection)).toBe(name);
  });
});

describe("placeOf", () => {
  it("tells hosts of one address by what they are reached through", () => {
    const proxy = { host: "b", port: 2200, proxy: { host: "c" } };
    expect(placeOf({ host: "10.0.0.2", proxy })).toBe("10.0.0.2 through b:2200 through c");
    expect(placeOf({ host: "10.0.0.2" })).toBe("10.0.0.2");
    expect(placeOf({ host: 1, proxy })).toBeUndefined();
  });
});
