import { describe, expect, it } from "vitest";
import { parseAddresses } from "../../../../provider/admitted/packet";
import { whyNotRouted } from "../../../../provider/admitted/whyNotRouted";
import { parsePolicies, routing } from "../../../../provider/facts/routing";
import { releases, saidOfWays } from "../../../support/wayCases";
import { ways } from "../../../support/ways";
import { hostAnswers } from "../plan/told";

const network = { interface: "eno2", address: "192.168.1.1", cidr: "192.168.1.0/28" };
const ran = (value: unknown) => ({ status: 0, said: JSON.stringify(value) });
const local = { priority: 0, src: "all", table: "local" };
const main = { priority: 32766, src: "all", table: "main" };
const own = { type: "local", dst: "192.168.1.1", dev: "eno2", table: "local", flags: [] };
const theirs = { dst: "192.168.1.0/28", dev: "eno2", flags: [] };

const whom = (address: string) => [parseAddresses(address)].filter((range) => range !== undefined);

/** What is said where node 0 has such rules and routes, be it of one machine. */
function said(rules: readonly object[], routes: readonly object[], policies = "", machine?: string): string {
  const answers = hostAnswers({
    "routing.rules": ran(rules),
    "routing.inside": ran(routes),
    "routing.around": ran([]),
    "routing.policies": { status: 0, said: policies },
  });
  const found = routing.read(answers);
  const why = found && whyNotRouted(found, network)(machine === undefined ? undefined : whom(machine));
  return why === undefined ? "admitted" : `${why.sure ? "kept out" : "in doubt"}: ${why.text}`;
}

describe.each(releases)("whyNotRouted, on %s", (release) => {
  it.each(saidOfWays(release))("of %s", (name, words) => {
    expect(words.split(":")[0]).toBe(ways.find(([each]) => each === name)?.[4]);
  });
});

describe("whyNotRouted", () => {
  it("finds nothing in the rules and routes that a kernel has by itself", () => {
    expect(said([local, main], [own, theirs])).toBe("admitted");
  });

  it("takes the narrowest route, and of several the one with the smallest metric", () => {
    const other = { dst: "192.168.1.0/28", dev: "wg0", metric: 50, flags: [] };
    expect(said([local, main], [own, other, theirs])).toBe("admitted");
    expect(said([local, main], [own, { ...theirs, metric: 100 }, other])).toMatch(
      /^in doubt: .*192\.168\.1\.2: node 0 sends what is for it to wg0, not straight to eno2, by the route `192\.168\.1\.0\/28` of table main/,
    );
    expect(said([local, main], [own, theirs, { ...other, dst: "192.168.1.12/30" }])).toMatch(
      /a machine at 192\.168\.1\.12: /,
    );
  });

  it("leaves out what is dead, a throw, a broadcast, and node 0's own addresses", () => {
    const more = [
      { dst: "192.168.1.4/30", dev: "wg0", flags: ["dead", "linkdown"] },
      { type: "throw", dst: "192.168.1.8/29", table: "52", flags: [] },
      { type: "broadcast", dst: "192.168.1.7", dev: "eno2", table: "local", flags: [] },
      { type: "local", dst: "192.168.1.9", dev: "eno2", table: "local", flags: [] },
    ];
    expect(said([local, { priority: 9, src: "all", table: "52" }, main], [own, theirs, ...more])).toBe("admitted");
  });

  it("tells of a machine's address that is node 0's own", () => {
    const more = { type: "local", dst: "192.168.1.9", dev: "lo", table: "local", flags: [] };
    const found = routing.read(
      hostAnswers({
        "routing.rules": ran([local, main]),
        "routing.inside": ran([own, theirs, more]),
        "routing.around": ran([]),
      }),
    );
    const why = (machine: string) => found && whyNotRouted(found, network)(whom(machine));
    expect(why("192.168.1.8")).toBeUndefined();
    expect(why("192.168.1.9")).toMatchObject({
      sure: false,
      text: expect.stringMatching(/^files for 192\.168\.1\.9 stay on node 0, /),
    });
  });

  it("has nothing against machines that a way is not about", () => {
    const blackhole = { type: "blackhole", dst: "192.168.1.4/30", flags: [] };
    const prohibit = { priority: 9, src: "all", dst: "192.168.1.9", action: "prohibit" };
    const of = (machine: string) => said([local, prohibit, main], [own, theirs, blackhole], "", machine);
    expect(of("192.168.1.3")).toBe("admitted");
    expect(of("192.168.1.8")).toBe("admitted");
    expect(of("192.168.1.5")).toMatch(/^kept out: node 0 sends nothing to a machine at 192\.168\.1\.5: by the route/);
    expect(of("192.168.1.7")).toMatch(/^kept out: .*192\.168\.1\.7: by the route `blackhole 192\.168\.1\.4\/30`/);
    expect(of("192.168.1.9")).toMatch(/^kept out: .*192\.168\.1\.9: by the rule `9: from all to 192\.168\.1\.9/);
    // Those of the pool may get any of its addresses.
    expect(of("192.168.1.2-192.168.1.4")).toMatch(/^kept out: .*192\.168\.1\.4: /);
    expect(of("192.168.1.10-192.168.1.14")).toBe("admitted");
  });

  it("tells of a gateway in the way", () => {
    expect(said([local, main], [own, { ...theirs, gateway: "192.168.1.14" }])).toMatch(
      /to a gateway on eno2, not straight to eno2/,
    );
  });

  it("tells where there is no route at all, as with an address that has no network", () => {
    expect(said([local, main], [own])).toBe(
      "kept out: node 0 sends nothing to a machine at 192.168.1.2: it has no route there; mend its routes (`ip route get 192.168.1.2`)",
    );
  });

  it("does not know what a rule for a user or a port takes, unless it changes nothing", () => {
    const byUser = { priority: 50, src: "all", uid_start: 0, uid_end: 0, table: "52" };
    const away = { dst: "192.168.1.0/28", dev: "wg0", table: "52", flags: [] };
    expect(said([local, byUser, main], [own, theirs])).toBe("admitted");
    expect(said([local, byUser, main], [own, theirs, away])).toMatch(
      /^in doubt: it can't be told whether what node 0 sends/,
    );
  });

  it("leaves out the rule of VRFs, and is silent where ip(8) can't be read", () => {
    expect(said([local, { priority: 1000, src: "all", l3mdev: null }, main], [own, theirs])).toBe("admitted");
    expect(routing.read(hostAnswers({}))).toBeUndefined();
    expect(said([], [own, theirs])).toBe("admitted");
    expect(
      routing.read(hostAnswers({ "routing.rules": { status: 255, said: 'Object "rule" is unknown' } })),
    ).toBeUndefined();
  });
});

describe("parsePolicies", () => {
  it("reads whom a policy is about, and leaves out those of sockets and of other protocols", () => {
    const printed = `src 10.0.0.0/8 dst 192.168.1.0/28 proto udp sport 69
	dir out action block priority 5 ptype main
src 0.0.0.0/0 dst 0.0.0.0/0
	socket in priority 0 ptype main
src 10.0.0.0/8 dst 192.168.1.0/28 proto tcp
	dir out priority 1 ptype main
src 0.0.0.0/0 dst 0.0.0.0/0
	dir in priority 3 ptype main
	tmpl src 0.0.0.0 dst 0.0.0.0
		proto esp reqid 1 mode transport
		level use
`;
    expect(parsePolicies(printed)).toMatchObject([
      { direction: "in", priority: 3, blocks: false, encrypts: false, isPartial: false },
      { direction: "out", priority: 5, blocks: true, encrypts: false, isPartial: true, source: "10.0.0.0/8" },
    ]);
  });
});
