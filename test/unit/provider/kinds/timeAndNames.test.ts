import { describe, expect, it } from "vitest";
import { planNameServer } from "../../../../provider/kinds/nameServer";
import { planPackages } from "../../../../provider/kinds/packages";
import { planTimeServer } from "../../../../provider/kinds/timeServer";

const place = { interface: "name:eno2", address: "192.168.1.1/28" };

describe("planTimeServer", () => {
  it("wants the distribution's unit, and none of our own in its place", () => {
    const wants = planTimeServer({ config: "allow\n", ...place });
    expect(wants.filter(({ want }) => want === "file")).toMatchObject([{ path: "/etc/chrony/conf.d/netboot.conf" }]);
    expect(wants).toContainEqual({ want: "enabled", unit: "chrony.service" });
  });

  it("lets only systemd-timesyncd stand aside, unless others may", () => {
    const [aside] = planTimeServer({ config: "", ...place });
    expect(aside).toMatchObject({ want: "standIn", usual: ["systemd-timesyncd"], allowed: false });
    expect(planTimeServer({ config: "", ...place, replace: true })[0]).toMatchObject({ allowed: true });
  });
});

describe("planPackages", () => {
  it("asks whom chrony may replace before apt runs, and only where there is chrony", () => {
    expect(planPackages({ packages: ["chrony", "tftpd-hpa"] })[0]).toMatchObject({ want: "standIn", allowed: false });
    expect(planPackages({ packages: ["chrony"], replaceTimeDaemon: true })[0]).toMatchObject({ allowed: true });
    expect(planPackages({ packages: ["tftpd-hpa"] }).map(({ want }) => want)).toEqual(["package"]);
  });

  it("has other DHCP servers listened for where DHCP will be served", () => {
    expect(planPackages({ packages: [], __listenFor: "name:eno2 192.168.1.1" })).toEqual([
      { want: "listenFor", interface: "name:eno2", address: "192.168.1.1" },
    ]);
  });

  it("has the packages fetched that boot files are taken out of", () => {
    expect(planPackages({ packages: [], __fetch: { "ipxe=1.21": 2 } })).toEqual([
      { want: "fetch", package: "ipxe=1.21", files: 2 },
    ]);
  });
});

describe("planNameServer", () => {
  it("restarts for its configuration, and only reloads for a name", () => {
    const wants = planNameServer({ mode: "dnsmasq", records: "", config: "", unit: "", ...place });
    expect(wants).toContainEqual({
      want: "unit",
      name: "netboot-names.service",
      restartedBy: ["/etc/systemd/system/netboot-names.service", "/etc/netboot-names/dnsmasq.conf"],
      reloadedBy: ["/etc/netboot-names/hosts"],
    });
  });

  it("wants neither package, nor unit, nor file in node 0's own table", () => {
    expect(planNameServer({ mode: "hosts", records: "" }).map(({ want }) => want)).toEqual(["names"]);
  });
});
