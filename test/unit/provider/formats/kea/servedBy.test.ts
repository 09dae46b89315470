import { describe, expect, it } from "vitest";
import { keaServedBy } from "../../../../../provider/formats/kea/servedBy";

const conf = (interfaces: string, more = ""): string =>
  `{ "Dhcp4": {\n// Debian's own says "interfaces": [ ]\n"interfaces-config": { "interfaces": [ ${interfaces} ] }, ${more} "subnet4": [ { "subnet": "192.0.2.0/24" } ] } }`;

describe("keaServedBy", () => {
  it.each([
    ["a network", conf('"eno2"'), { subnets: ["192.0.2.0"], others: [] }],
    ["the sample of Debian's, which names no interface", conf(""), { subnets: [], others: [] }],
    ["no text of Kea's", "interfaces eno2;", { subnets: [], others: [] }],
    [
      "files that it goes on in",
      conf('"eno2"', '"reservations": [ <?include "/etc/kea/more.json"?> ],'),
      { subnets: ["192.0.2.0"], others: ['<?include "/etc/kea/more.json"?>'] },
    ],
  ])("reads %s", (_what, text, expected) => {
    expect(keaServedBy(text)).toEqual(expected);
  });
});
