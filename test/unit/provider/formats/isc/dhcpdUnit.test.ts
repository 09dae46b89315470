import { describe, expect, it } from "vitest";
import { renderDhcpdUnit } from "../../../../../provider/formats/isc/dhcpdUnit";

describe("renderDhcpdUnit", () => {
  it("writes a unit for one interface", async () => {
    await expect(renderDhcpdUnit({ interface: "eno2" })).toMatchFileSnapshot(
      "../../../../golden/units/isc-dhcp-server.service",
    );
  });

  it("leaves the place of an interface known by its hardware address open", () => {
    expect(renderDhcpdUnit({ interface: "@interface@" })).toMatch(/^ExecStart=.* @interface@$/m);
  });
});
