import { describe, expect, it } from "vitest";
import { backendOf } from "../../../../provider/formats/dhcpBackend";
import { ownDhcpUnits, whyFormerServerReturns } from "../../../../provider/plan/dhcpServer";
import type { Ground } from "../../../../provider/plan/ground";
import { planJoins } from "../../../../provider/plan/joins";
import { machineQuestions, planMachines, recordKey } from "../../../../provider/plan/otherDhcpServer";
import type { Held, Machine } from "../../../../provider/plan/records";
import { entry, machine, register, serve } from "./registered";
import { changeOf, facts, hostAnswers, put } from "./told";

const [isc, kea] = [backendOf("isc"), backendOf("kea")];
const row = {
  name: "c1",
  hostname: "c1",
  macs: ["52:54:00:00:00:01"],
  address: "192.168.1.2",
  firmware: "x64",
} as const;
const inIsc: Machine = machine("c1", { blocks: isc.renderMachine(row) });
const inKea: Machine = { ...inIsc, blocks: kea.renderMachine(row) };

const dhcpId = "DhcpServer/p/one/dhcp";
const asKea: Held = { want: "daemon", daemon: "kea" };
const byIsc = entry(dhcpId, [serve()]);
const byKea = entry(dhcpId, [serve(), asKea]);
const rack = entry("OlaFleet/p/two/rack", [], [inIsc]);

function ground(before: typeof byIsc, after: typeof byIsc, machines = [inIsc], puts = changeOf([])): Ground {
  const told = facts([], { [recordKey(rack.id)]: machines });
  return { change: puts, register: register([before, rack], [after, rack]), facts: told } as unknown as Ground;
}

describe("machineQuestions", () => {
  it("asks for the machines of all records where another DHCP server comes, and for none where none does", () => {
    expect(Object.keys(machineQuestions(ground(byIsc, byKea)))).toEqual([recordKey(rack.id)]);
    expect(Object.keys(machineQuestions(ground(byKea, byIsc)))).toEqual([recordKey(rack.id)]);
    expect(machineQuestions(ground(byIsc, byIsc))).toEqual({});
    expect(machineQuestions(ground(byKea, byKea))).toEqual({});
    expect(machineQuestions(ground(entry("x"), entry("x")))).toEqual({});
  });

  it("needs nothing of machines that the change itself puts", () => {
    const puts = changeOf([put(rack.id)]);
    expect(machineQuestions(ground(byIsc, byKea, [inIsc], puts))).toEqual({});
  });
});

describe("planMachines", () => {
  it("writes each machine for the server that comes", () => {
    expect(planMachines(ground(byIsc, byKea))).toEqual([{ id: rack.id, machines: [inKea] }]);
    expect(planMachines(ground(byKea, byIsc, [inKea]))).toEqual([{ id: rack.id, machines: [inIsc] }]);
    expect(planMachines(ground(byIsc, byKea, [inKea]))).toEqual([]);
  });

  it("writes a machine of a program that does not know yet which server there is", () => {
    const { hostname, address, macs, firmware, loader, proof, blocks } = inIsc;
    const node = { want: "node", hostname, address, macs, firmware, loader, proof, blocks } as const;
    const puts = changeOf([put(rack.id, node)]);
    expect(planMachines(ground(byKea, byKea, [], puts))).toEqual([{ id: rack.id, machines: [inKea] }]);
    expect(planMachines(ground(byIsc, byIsc, [], puts))).toEqual([]);
  });
});

describe("planJoins", () => {
  it("joins the machines for the server that comes, and takes the other's file away", () => {
    const shown = (joins: ReturnType<typeof planJoins>) => joins.map(({ path, is, had }) => ({ path, is, had }));
    expect(shown(planJoins(register([byIsc], [byKea])))).toEqual([
      { path: kea.machines.path, is: "file", had: false },
      { path: isc.machines.path, is: "gone", had: true },
    ]);
    expect(shown(planJoins(register([byKea], [byKea])))).toEqual([{ path: kea.machines.path, is: "file", had: true }]);
  });
});

describe("ownDhcpUnits", () => {
  it("has the servers of before and after", () => {
    expect(ownDhcpUnits(register([byIsc], [byKea]))).toEqual([isc.unit, kea.unit]);
    expect(ownDhcpUnits(register([], [byKea]))).toEqual([kea.unit]);
    expect(ownDhcpUnits(register([]))).toEqual([]);
  });
});

describe("whyFormerServerReturns", () => {
  const ran = (unit: string) => hostAnswers({ [`dhcp.before ${unit}`]: { content: "active\n" } });

  it("refuses another server where the one before us would come back beside it", () => {
    const why = whyFormerServerReturns(register([byIsc], [byKea]), ran(isc.unit));
    expect(why).toMatchObject({ code: "OCCUPIED", id: dhcpId, message: expect.stringContaining(isc.unit) as string });
  });

  it("lets it be where none served before us, and where the server stays", () => {
    expect(whyFormerServerReturns(register([byIsc], [byKea]), hostAnswers())).toBeUndefined();
    expect(whyFormerServerReturns(register([byIsc], [byKea]), ran(kea.unit))).toBeUndefined();
    expect(whyFormerServerReturns(register([byIsc], [byIsc]), ran(isc.unit))).toBeUndefined();
    expect(whyFormerServerReturns(register([], [byKea]), ran(isc.unit))).toBeUndefined();
  });
});
