import { describe, expect, it } from "vitest";
import { packages } from "../../../../provider/kinds/packages";
import { hidden } from "../../../../provider/values/hidden";

describe("packages", () => {
  it("asks whom chrony may replace before apt runs, and only where there is chrony", () => {
    expect(packages.wants({ packages: ["chrony", "tftpd-hpa"] })[0]).toMatchObject({ want: "standIn", allowed: false });
    expect(packages.wants({ packages: ["chrony"], replaceTimeDaemon: true })[0]).toMatchObject({ allowed: true });
    expect(packages.wants({ packages: ["tftpd-hpa"] }).map(({ want }) => want)).toEqual(["package"]);
  });

  it("has other DHCP servers listened for where DHCP will be served", () => {
    expect(packages.wants({ packages: [], [hidden.listenFor]: "name:eno2 192.168.1.1" })).toEqual([
      { want: "listenFor", interface: "name:eno2", address: "192.168.1.1" },
    ]);
  });

  it("has the packages fetched that boot files are taken out of", () => {
    expect(packages.wants({ packages: [], [hidden.fetch]: { "ipxe=1.21": 2 } })).toEqual([
      { want: "fetch", package: "ipxe=1.21", files: 2 },
    ]);
  });
});
