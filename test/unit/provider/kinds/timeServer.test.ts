import { describe, expect, it } from "vitest";
import { timeServer } from "../../../../provider/kinds/timeServer";

const place = { interface: "name:eno2", address: "192.168.1.1/28" };

describe("timeServer", () => {
  it("wants the distribution's unit, and none of our own in its place", () => {
    const wants = timeServer.wants({ config: "allow\n", ...place });
    expect(wants.filter(({ want }) => want === "file")).toMatchObject([{ path: "/etc/chrony/conf.d/netboot.conf" }]);
    expect(wants).toContainEqual({ want: "enabled", unit: "chrony.service" });
  });

  it("lets only systemd-timesyncd stand aside, unless others may", () => {
    const [aside] = timeServer.wants({ config: "", ...place });
    expect(aside).toMatchObject({ want: "standIn", usual: ["systemd-timesyncd"], allowed: false });
    expect(timeServer.wants({ config: "", ...place, replace: true })[0]).toMatchObject({ allowed: true });
  });
});
