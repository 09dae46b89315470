import { describe, expect, it } from "vitest";
import { sha256Of } from "../../../../provider/digest";
import { renderBootScript } from "../../../../provider/formats/ipxe/bootScript";
import { isAllProved, type SeenServer } from "../../../../provider/view/fleet";
import { largeServer, serverResources, shownFleet, smallFleet, smallServer } from "../../../support/fleetView";

const { proof, boots: _, gaps: __, ...unasked } = smallServer;
const shop = (...servers: readonly SeenServer[]) => shownFleet(servers);
if (proof?.besides === undefined) throw new Error("the small server was asked");
const { said, besides } = proof;
const proved = (more: Partial<typeof besides>, by = said): SeenServer => ({
  ...smallServer,
  proof: { said: by, besides: { ...besides, ...more } },
});
const knownOf = (server: SeenServer): readonly string[] => shop(server).machines.map(({ known }) => known);
const stepsOf = (server: SeenServer, chain = 0): readonly string[] =>
  (shop(server).chains[chain]?.steps ?? []).map((step) => `${step.title} ${step.known}: ${step.said}`);

describe("fleetViewOf", () => {
  it("has each machine with its chain, its address and what the proof said of it", () => {
    const { machines, chains, resources } = smallFleet();
    expect(machines.map(({ name, chain, by, known }) => [name, chains[chain]?.name, resources[by], known])).toEqual([
      ["db-1", "x64 ipxe.efi", "OlaNode/shop/prod/db-1", "proved"],
      ["db-2", "x64 snponly.efi", "OlaNode/shop/prod/db-2", "wrong"],
      ["web-1", "x64 ipxe.efi", "OlaFleet/shop/prod/rack", "proved"],
    ]);
    expect(machines[2]).toMatchObject({ comment: "rack 3", macs: ["52:54:00:00:0a:03"] });
    expect(machines[2]).not.toHaveProperty("address");
  });

  it("is the same whatever the order of the state", () => {
    const turned = { ...smallServer, resources: smallServer.resources.toReversed() };
    const { machines, chains } = smallFleet();
    const names = machines.map(({ name }) => name);
    expect(shop(turned)).toMatchObject({ chains, machines: names.map((name) => ({ name })) });
  });

  it("draws a chain as a machine goes through it, with what was seen of each step, and the disk that no proof sees", () => {
    expect(stepsOf(smallServer, 1)).toEqual([
      "UEFI x64 proved: DHCP offers snponly.efi, then refind.pxe, to the machine",
      "snponly.efi wrong: snponly.efi could not be fetched by TFTP from 192.168.1.1: File not found",
      "refind.pxe proved: fetched by TFTP, with this hash",
      "refind.conf proved: fetched by TFTP, with this hash",
      "refind_x64.efi proved: fetched by TFTP, with this hash",
      "local disk unasked: what rEFInd finds on the disk, no proof can see",
    ]);
  });

  it("counts the machines that are not offered what is right, also those of which nothing was told", () => {
    const wrongOffers = new Set(["OlaNode/shop/prod/db-1 db-1"]);
    expect(stepsOf(proved({ wrongOffers }))[0]).toBe(
      "UEFI x64 wrong: DHCP offers ipxe.efi, then refind.pxe, to 1 of 2 machines",
    );
    expect(stepsOf(proved({}, new Map([["OlaNode/shop/prod/db-1 db-1", "served: x"]])))[0]).toMatch(
      /to 1 of 2 machines$/,
    );
    expect(knownOf(proved({}, new Map([["OlaNode/shop/prod/db-1 -", "is not on node 0"]])))).toEqual([
      "wrong",
      "wrong",
      "wrong",
    ]);
  });

  it("says of no file that it is proved where machines' packets may not come through, or what lies there is wrong", () => {
    const doubt = stepsOf(proved({ keptOut: { sure: false, text: "a limit" } }));
    expect(doubt.slice(1, -1).map((step) => step.replace(/^\S+ /, ""))).toEqual(
      Array(4).fill("doubt: fetched by TFTP, with this hash; not proved: a limit"),
    );
    const sure = stepsOf(proved({ keptOut: { sure: true, text: "the firewall drops it" } }));
    expect(sure[1]).toBe("ipxe.efi wrong: fetched by TFTP, with this hash; the firewall drops it");
  });

  it("says of a machine that was not asked in time not that it fails", () => {
    const wrongOffers = new Set(["OlaNode/shop/prod/db-1 db-1"]);
    const late = new Map([...said, ["OlaNode/shop/prod/db-1 db-1", "not asked: a minute was over"]]);
    expect(stepsOf(proved({ wrongOffers }, late))[0]).toMatch(/^UEFI x64 doubt: .* to 1 of 2 machines$/);
  });

  it("says what is wrong with files as they lie there at the one that it is said of, and nothing twice", () => {
    const broken = (text: string): readonly string[] =>
      stepsOf(proved({ broken: new Map([["x64 ipxe.efi", text]]) })).filter((step) => step.includes(" wrong: "));
    const seen = "fetched by TFTP, with this hash";
    expect(broken("autoexec.ipxe lies there")).toEqual([`refind.pxe wrong: ${seen}; autoexec.ipxe lies there`]);
    const other = "TFTP served another ipxe.efi than was declared";
    expect(broken(other)).toEqual([`ipxe.efi wrong: ${seen}; ${other}`]);
    const fetched = "refind_x64.efi is no program of UEFI; refind.pxe fetches it";
    expect(broken(fetched)).toEqual([`refind_x64.efi wrong: ${seen}; ${fetched}`]);
    const text = "snponly.efi could not be fetched by TFTP from 192.168.1.1: File not found";
    const missing = proved({ broken: new Map([["x64 snponly.efi", text]]) });
    expect(stepsOf(missing, 1)).toEqual(stepsOf(smallServer, 1));
  });

  it("says that files are not proved which nobody fetched, and hashes that nobody declared", () => {
    const elsewhere = proved({
      chains: new Map(),
      keptOut: { sure: false, text: "the boot files come from 192.168.1.9" },
    });
    expect(stepsOf(elsewhere)[1]).toBe("ipxe.efi doubt: not fetched; not proved: the boot files come from 192.168.1.9");
    const bare = proved({ chains: new Map([["x64 ipxe.efi", [{ name: "ipxe.efi" }]]]) });
    expect(stepsOf(bare)[1]).toBe("ipxe.efi proved: fetched by TFTP, no hash of it is declared");
  });

  it("never counts as proved what the proof did not say is served", () => {
    const words = [
      ["served: 192.168.1.3, ipxe.efi, then refind.pxe (1 MAC)", "proved"],
      ["served, but another DHCP server answers on the private network: 192.168.1.9", "doubt"],
      ["not proved: a rule with a limit", "doubt"],
      ["not asked: a minute was over", "doubt"],
      ["the firmware of db-1 asked by DHCP and got no answer", "wrong"],
      ["servedish", "wrong"],
    ] as const;
    for (const [text, known] of words) {
      expect(knownOf(proved({}, new Map([["OlaNode/shop/prod/db-1 db-1", text]])))[0]).toBe(known);
    }
  });

  it("draws the state alone where node 0 was not asked, and proves nothing by it", () => {
    const view = shownFleet([unasked], { wasAsked: false });
    expect(view.machines.map((machine) => `${machine.known}: ${machine.said}`)).toEqual([
      "unasked: in the last up of it: DHCP offered 192.168.1.3",
      "unasked: never asked",
      "unasked: never asked",
    ]);
    expect(view.chains[0]?.steps.map(({ title, sha256, known }) => [title, sha256, known])).toEqual([
      ["UEFI x64", undefined, "unasked"],
      ["ipxe.efi", "1".repeat(64), "unasked"],
      ["refind.pxe", sha256Of(renderBootScript({})), "unasked"],
      ["refind.conf", sha256Of("timeout 1\n"), "unasked"],
      ["refind_x64.efi", "4".repeat(64), "unasked"],
      ["local disk", undefined, "unasked"],
    ]);
  });

  it("says why a node 0 could not be asked, and of its machines nothing", () => {
    const view = shop({ ...unasked, failures: ["203.0.113.10: connection refused [HOST_UNREACHABLE]"] });
    expect(view.servers[0]?.notes).toEqual([{ known: "doubt", text: "connection refused [HOST_UNREACHABLE]" }]);
    expect(new Set(view.machines.map((machine) => `${machine.known}: ${machine.said}`))).toEqual(
      new Set(["doubt: node 0 could not be asked"]),
    );
    expect(isAllProved(view)).toBe(false);
  });

  it("names a loader of another stack's server only as far as it is known", () => {
    const joined = { ...unasked, resources: unasked.resources.filter(({ kind }) => /^Ola/.test(kind)) };
    expect(shop(joined).chains.map(({ name }) => name)).toEqual(["x64", "x64 snponly.efi"]);
    expect(shop(joined).servers[0]).not.toHaveProperty("place");
    expect(stepsOf(joined)[1]).toBe("its usual loader unasked: as the state has it");
  });

  it("takes the machines of a state that has them as the resource's own properties", () => {
    const [node] = unasked.resources.filter(({ id }) => id.endsWith("db-1"));
    if (node === undefined) throw new Error("db-1 is in the small stack");
    const flat = { ...node, inputs: node.inputs["machine"] as typeof node.inputs };
    expect(shop({ ...unasked, resources: [flat] }).machines[0]).toMatchObject({ name: "db-1", address: "192.168.1.3" });
  });

  it("has the last five boots of each machine, the newest first, and strangers apart", () => {
    const [boot] = smallServer.boots ?? [];
    if (boot === undefined) throw new Error("db-1 has booted");
    const many = Array.from({ length: 7 }, (_, n) => ({ ...boot, from: boot.from + n * 1000 }));
    const view = shop({ ...smallServer, boots: [...many, ...(smallServer.boots ?? []).slice(2)] });
    expect(view.boots.map(({ from }) => Math.floor(from - boot.from))).toEqual([6000, 5000, 4000, 3000, 2000]);
    expect(view.leftOut).toEqual({ boots: 2, strangers: 0 });
    expect(view.strangers).toMatchObject([{ mac: "52:54:00:00:0a:09", asked: 2, end: "got no answer" }]);
  });

  it("leaves out machines of other stacks, and more strangers than a page can show", () => {
    const [boot, , stranger] = smallServer.boots ?? [];
    if (boot === undefined || stranger === undefined) throw new Error("both have asked");
    const strangers = Array.from({ length: 600 }, (_, n) => ({ ...stranger, to: n }));
    const view = shop({ ...smallServer, boots: [{ ...boot, machine: "others" }, ...strangers] });
    expect([view.boots.length, view.strangers.length, view.leftOut.strangers]).toEqual([0, 500, 100]);
    expect(view.strangers[0]?.to).toBe(599);
  });

  it("says that no other DHCP server answered only where one would have been told", () => {
    const fine = (server: SeenServer): readonly string[] => shop(server).servers[0]?.fine ?? [];
    expect(fine(smallServer)).toEqual(["no other DHCP server answered the proof's questions", "its log has no gaps"]);
    expect(fine(proved({ tellsServers: false }))).toEqual(["its log has no gaps"]);
    expect(
      fine({ ...proved({ others: ["another DHCP server answers on the private network: x"] }), gaps: ["lines"] }),
    ).toEqual([]);
    expect(fine(unasked)).toEqual([]);
  });

  it("is all proved only with every machine proved, and nothing else found", () => {
    const good = new Map([...said].map(([key]) => [key, "served: x"] as const));
    expect(isAllProved(shop(proved({}, good)))).toBe(true);
    expect(isAllProved(shop(proved({ others: ["another DHCP server answers on the private network: x"] }, good)))).toBe(
      false,
    );
    expect(isAllProved(smallFleet())).toBe(false);
  });

  it("has nothing of a connection, and no file's text", () => {
    const text = JSON.stringify(
      shop({ ...smallServer, resources: [...smallServer.resources, ...serverResources("x")] }),
    );
    expect(text).not.toMatch(/hunter2|PRIVATE KEY|timeout 1|#!ipxe/);
  });

  it("keeps ten thousand machines with their boots within four megabytes", () => {
    expect(JSON.stringify(shop(largeServer(10_000))).length).toBeLessThan(4_000_000);
  });
});
