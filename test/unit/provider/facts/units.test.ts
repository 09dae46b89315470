import { describe, expect, it } from "vitest";
import { parseUnits, unitFacts } from "../../../../provider/facts/units";
import { answersOf, packageCase } from "../../../support/packageCases";

describe.each(["bullseye", "bookworm", "trixie"])("unitFacts on %s", (release) => {
  it("tells a unit that runs from one that systemd does not know", () => {
    const { units } = packageCase(`${release}-installed`);
    const running = units.get("tftpd-hpa.service");
    expect(running).toMatchObject({ loadState: "loaded", activeState: "active", subState: "running" });
    expect(running?.mainPid === 0 || (running?.mainPid ?? 0) > 1).toBe(true);
    expect(running?.invocation).toMatch(/^[0-9a-f]{32}$/);
    expect(units.get("not-there.service")).toMatchObject({
      loadState: "not-found",
      activeState: "inactive",
      unitFileState: "",
      fragment: "",
      mainPid: 0,
    });
  });

  it("tells where a unit was read from, and whether it starts at boot", () => {
    const { units } = packageCase(`${release}-chrony`);
    expect(units.get("chrony.service")?.fragment).toMatch(/^(\/usr)?\/lib\/systemd\/system\/chrony\.service$/);
    expect(units.get("chrony.service")?.unitFileState).toBe("enabled");
  });

  it("tells the drop-ins of a unit", () => {
    const { units } = packageCase(`${release}-chrony`);
    expect(units.get("chrony.service")?.dropIns.every((path) => path.endsWith(".conf"))).toBe(true);
  });
});

describe("unitFacts", () => {
  it("asks for each unit once, and for none nothing", () => {
    expect(unitFacts(["b.service", "a.service", "b.service"]).questions).toEqual({
      "units.shown": { ask: "run", argv: expect.arrayContaining(["--", "a.service", "b.service"]) },
    });
    expect(unitFacts([]).questions).toEqual({});
    expect(unitFacts([]).read(answersOf({})).size).toBe(0);
  });
});

describe("parseUnits", () => {
  it("goes by the order of the names, because an alias has another Id", () => {
    const said = "Id=ntpsec.service\nActiveState=active\n\nId=x.service\nActiveState=inactive\n";
    const units = parseUnits(["ntp.service", "x.service"], said);
    expect(units.get("ntp.service")).toMatchObject({ id: "ntpsec.service", activeState: "active" });
    expect(units.get("x.service")?.activeState).toBe("inactive");
  });
});
