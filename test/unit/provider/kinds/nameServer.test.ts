import { describe, expect, it } from "vitest";
import { nameServer } from "../../../../provider/kinds/nameServer";

const place = { interface: "name:eno2", address: "192.168.1.1/28" };

describe("nameServer", () => {
  it("restarts for its configuration, and only reloads for a name", () => {
    const wants = nameServer.wants({ mode: "dnsmasq", records: "", config: "", unit: "", ...place });
    expect(wants).toContainEqual({
      want: "unit",
      name: "netboot-names.service",
      restartedBy: ["/etc/systemd/system/netboot-names.service", "/etc/netboot-names/dnsmasq.conf"],
      reloadedBy: ["/etc/netboot-names/hosts"],
    });
  });

  it("wants neither package, nor unit, nor file in node 0's own table", () => {
    expect(nameServer.wants({ mode: "hosts", records: "" }).map(({ want }) => want)).toEqual(["names"]);
  });
});
