import { describe, expect, it } from "vitest";
import { parseChronySettings, renderChronyConf } from "../../../../../provider/formats/chrony/chrony";
import { right, sentences } from "../../values/sentences";

const network = { interface: "eno2", cidr: "192.168.1.0/28", address: "192.168.1.1" };

describe("parseChronySettings", () => {
  it("replaces nothing that somebody chose, and asks nobody further, unless it is said", () => {
    const { upstreams, replace } = right(parseChronySettings({ network }));
    expect({ upstreams, replace }).toEqual({ upstreams: [], replace: false });
  });

  const rule = 'write an address or a name, as in "192.0.2.1" or "ntp.example.net"';
  it.each<[string, object, string]>([
    [
      "an upstream that would start a line",
      { upstreams: ["a\nallow"] },
      `upstreams[0]: "a\\nallow" is no time server; ${rule}`,
    ],
    [
      "options behind an upstream",
      { upstreams: ["a.example maxpoll 4"] },
      `upstreams[0]: "a.example maxpoll 4" is no time server; ${rule}`,
    ],
    [
      "node 0 itself as upstream",
      { upstreams: ["192.0.2.1", "192.168.1.1"] },
      "upstreams[1]: 192.168.1.1 is node 0's own address, and no clock sets itself; leave it out",
    ],
    ["replace as a text", { replace: "yes" }, 'replace: "yes" is no truth value; write true or false'],
    [
      "an unknown property",
      { servers: [] },
      "servers: there is no such property; there are network, upstreams, replace",
    ],
  ])("refuses %s", (_name, args, sentence) => {
    expect(sentences(parseChronySettings({ network, ...args }))).toEqual([sentence]);
  });

  it("tells what is wrong with the network by its path", () => {
    expect(sentences(parseChronySettings({ network: { ...network, address: "10.0.0.1" } }))[0]).toMatch(
      /^network\.address: /,
    );
  });
});

describe("renderChronyConf", () => {
  it.each([
    ["default", {}],
    ["upstreams", { upstreams: ["192.0.2.1", "NTP.example.net"] }],
  ])("writes test/golden/chrony/%s.conf", async (name, args) => {
    await expect(renderChronyConf(right(parseChronySettings({ network, ...args })))).toMatchFileSnapshot(
      `../../../../golden/chrony/${name}.conf`,
    );
  });
});
