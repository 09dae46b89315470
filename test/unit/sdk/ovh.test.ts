import type * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { type OvhServer, privateMacs, problems } from "../../../sdk/ovh";

const resolved = <T>(output: pulumi.Output<T>): Promise<T> => new Promise((resolve) => output.apply(resolve));

/** As OVHcloud's API describes an Advance server with both NICs in one private aggregation. */
const aggregated: OvhServer = {
  name: "ns3100001.ip-203-0-113.eu",
  vnis: [
    {
      enabled: true,
      mode: "vrack_aggregation",
      nics: ["04:3F:72:AA:00:02", "04:3f:72:aa:00:01"],
      uuid: "0b1d7d7a-5f5e-4b6c-9a51-3f2d8a1c0001",
    },
  ],
};
/** As it is before: one NIC public, one in the vRack. */
const before: OvhServer = {
  name: "ns3100002.ip-203-0-113.eu",
  vnis: [
    { enabled: true, mode: "public", nics: ["04:3f:72:aa:00:03"], uuid: "public-1" },
    { enabled: true, mode: "vrack", nics: ["04:3f:72:aa:00:04"], uuid: "vrack-1" },
  ],
};

/** As it is with two bonds, one of them public. */
const twoBonds: OvhServer = {
  name: "ns3100003.ip-203-0-113.eu",
  vnis: [
    { enabled: true, mode: "public_aggregation", nics: ["04:3f:72:aa:00:05", "04:3f:72:aa:00:06"], uuid: "public-2" },
    { enabled: true, mode: "vrack_aggregation", nics: ["04:3f:72:aa:00:07", "04:3f:72:aa:00:08"], uuid: "vrack-2" },
  ],
};

describe("privateMacs", () => {
  it("are all NICs of the private side, in lower case, each once", async () => {
    expect(await resolved(privateMacs(aggregated))).toEqual(["04:3f:72:aa:00:01", "04:3f:72:aa:00:02"]);
    expect(await resolved(privateMacs(before))).toEqual(["04:3f:72:aa:00:04"]);
    expect(await resolved(privateMacs(twoBonds))).toEqual(["04:3f:72:aa:00:07", "04:3f:72:aa:00:08"]);
  });

  it("leave out what is disabled", async () => {
    const vnis = [{ ...aggregated.vnis[0], enabled: false }] as OvhServer["vnis"];
    expect(await resolved(privateMacs({ vnis }))).toEqual([]);
  });
});

describe("problems", () => {
  it("are none where all NICs are in the aggregation and declared", async () => {
    expect(await resolved(problems(aggregated))).toEqual([]);
    expect(await resolved(problems(aggregated, ["04:3F:72:aa:00:01", "04:3f:72:AA:00:02"]))).toEqual([]);
  });

  it("name a mode that is not private aggregation, and a NIC that is not declared", async () => {
    expect(await resolved(problems(before))).toEqual([
      'ns3100002.ip-203-0-113.eu: its network interface public-1 (04:3f:72:aa:00:03) has the mode "public", not "vrack_aggregation": OLA\'s private aggregation is not switched on for it',
      'ns3100002.ip-203-0-113.eu: its network interface vrack-1 (04:3f:72:aa:00:04) has the mode "vrack", not "vrack_aggregation": OLA\'s private aggregation is not switched on for it',
      "ns3100002.ip-203-0-113.eu: its NIC 04:3f:72:aa:00:03 is not declared, so a boot from it gets no answer",
    ]);
  });

  it("name a bond that is public, with each of its NICs", async () => {
    expect(await resolved(problems(twoBonds))).toEqual([
      'ns3100003.ip-203-0-113.eu: its network interface public-2 (04:3f:72:aa:00:05, 04:3f:72:aa:00:06) has the mode "public_aggregation", not "vrack_aggregation": OLA\'s private aggregation is not switched on for it',
      "ns3100003.ip-203-0-113.eu: its NIC 04:3f:72:aa:00:05 is not declared, so a boot from it gets no answer",
      "ns3100003.ip-203-0-113.eu: its NIC 04:3f:72:aa:00:06 is not declared, so a boot from it gets no answer",
    ]);
  });

  it("name a disabled interface, unless its NICs belong to another one now", async () => {
    const off = { enabled: false, mode: "vrack", uuid: "old" };
    const left = { ...off, nics: ["04:3f:72:aa:00:01"] };
    expect(await resolved(problems({ vnis: [...aggregated.vnis, left] }))).toEqual([]);
    const lost = { ...off, nics: ["04:3f:72:aa:00:09"] };
    expect(await resolved(problems({ vnis: [...aggregated.vnis, lost] }))).toEqual([
      "its network interface old (04:3f:72:aa:00:09) is disabled",
      "its NIC 04:3f:72:aa:00:09 is not declared, so a boot from it gets no answer",
    ]);
  });

  it("name a declared MAC that the server has not, and a server without any", async () => {
    const declared = ["04:3f:72:aa:00:01", "04:3f:72:aa:00:02", "04:3f:72:aa:00:09"];
    expect(await resolved(problems(aggregated, declared))).toEqual([
      "ns3100001.ip-203-0-113.eu: the declared MAC 04:3f:72:aa:00:09 is none of its NICs (04:3f:72:aa:00:01, 04:3f:72:aa:00:02)",
    ]);
    expect(await resolved(problems({ vnis: [] }))).toEqual(["OVHcloud names no network interface of it"]);
  });
});
