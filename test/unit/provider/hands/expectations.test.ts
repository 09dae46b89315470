import { describe, expect, it } from "vitest";
import { line, parseMachineLine, renderMachineLine } from "../../../../provider/conversation/protocol";
import { renderExpectations } from "../../../../provider/conversation/renderPlan";
import { chainOf } from "../../../../provider/plan/chains";
import type { DhcpExpectation, Expectation } from "../../../../provider/plan/plan";
import type { Machine } from "../../../../provider/plan/records";
import { machine } from "../plan/registered";
import { inHands } from "./perl";

const run: Expectation = { ask: "run", id: "A", argv: ["x"], matches: [], what: "" };
const touchedIn = "my %touched = map { ($_ => 1) } parts_of($in[0]{touched}); shift @in;";

/** Whether it is asked, and whether a wrong answer would undo the change. */
function judged(touched: readonly string[], conditions: Pick<Expectation, "if" | "undoIf">) {
  const [said] = inHands(
    `${touchedIn} tell_client('x', due => is_due($in[0], \\%touched) ? 1 : 0, undoes => undoes({}, $in[0], \\%touched) ? 1 : 0)`,
    [line("touched", { touched }), ...renderExpectations([{ ...run, ...conditions }])],
  );
  return { due: said?.values["due"] === "1", undoes: said?.values["undoes"] === "1" };
}

describe("is_due", () => {
  it.each<[readonly string[], readonly string[] | undefined, boolean]>([
    [[], undefined, true],
    [["/a"], ["/a"], true],
    [["/a"], ["/b", "/a"], true],
    [["/a"], ["/b"], false],
    [["/a/b"], ["/a"], false],
    [["/a/b"], ["/a/*"], true],
    [["unit:x.service"], ["unit:*"], true],
    [["/ab"], ["/a/*"], false],
    [[], ["*"], false],
    [["/a"], [], false],
  ])("of what was touched, %j, asks if %j: %s", (touched, concerned, due) => {
    expect(judged(touched, concerned === undefined ? {} : { if: concerned }).due).toBe(due);
  });
});

describe("undoes", () => {
  it.each<[readonly string[], readonly string[] | undefined, boolean]>([
    [[], undefined, true],
    [["/a"], [], false],
    [["/a"], ["/a"], true],
    [["/a"], ["/b"], false],
  ])("of what was touched, %j, a wrong answer undoes if %j: %s", (touched, undoIf, expected) => {
    expect(judged(touched, undoIf === undefined ? {} : { undoIf }).undoes).toBe(expected);
  });
});

describe("machines_to_ask", () => {
  const dhcp: DhcpExpectation & Expectation = {
    ask: "dhcp",
    id: "DhcpServer/p/one/dhcp",
    interface: "eno2",
    next: "192.168.1.1",
    script: "refind.pxe",
    loaders: { x64: "ipxe.efi", ia32: "ipxe32.efi", script: "refind.pxe" },
    puts: [],
    every: false,
    stands: [],
    stranger: true,
    othersAllowed: false,
  };
  const id = "OlaFleet/p/one/f";

  function asked(
    more: Partial<DhcpExpectation>,
    after: readonly Machine[],
    before: readonly Machine[] = [],
    edited?: string,
  ) {
    return inHands(
      String.raw`my ($line, $before, $after) = @in;
       my %machines = map { ($_->{word} => { $_->{id} => { nodes => [split /\n/, $_->{nodes}] } }) } $before, $after;
       $machines{edited} = $after->{edited};
       for my $machine (machines_to_ask($line, \%machines)) {
           my @asks = questions_of($line, $machine);
           while (my ($ask, $then) = splice @asks, 0, 2) {
               die unless $ask->{mac} eq $then->{mac} && !$ask->{ipxe} && $then->{ipxe};
               tell_client('ask', id => $machine->{id}, line => $machine->{line}, mac => $ask->{mac}, chain => $ask->{chain}, arch => $ask->{arch}, file => $ask->{file}, then => $then->{file},
                   undoIf => join('|', parts_of($machine->{undoIf})), undoes => undoes($machine, {}, {}) ? 1 : 0, stands => $machine->{stands});
           }
       }`,
      [
        ...renderExpectations([{ ...dhcp, ...more }]),
        line("before", { id, nodes: before.map(renderMachineLine).join("\n") }),
        line("after", { id, nodes: after.map(renderMachineLine).join("\n"), ...(edited !== undefined && { edited }) }),
      ],
    ).map(({ values }) => values);
  }

  it("asks as each kind of machine, from each of its MACs, for what TypeScript calls its chain", () => {
    const machines = [
      machine("a", { macs: ["m1", "m2"] }),
      machine("b", { firmware: "ia32", macs: ["m3"] }),
      machine("c", { loader: "snponly.efi", macs: ["m4"] }),
    ];
    const all = asked({ puts: [id] }, machines);
    expect(all.map(({ mac, arch, file, then }) => `${mac} ${arch} ${file} ${then}`)).toEqual([
      "m1 7 ipxe.efi refind.pxe",
      "m2 7 ipxe.efi refind.pxe",
      "m3 6 ipxe32.efi refind.pxe",
      "m4 7 snponly.efi refind.pxe",
    ]);
    for (const { line: row = "", chain } of all) expect(chain).toBe(chainOf(parseMachineLine(row), dhcp.loaders));
  });

  it("asks of a fleet for those that are new or changed, for one of each chain, and for none that says no", () => {
    const fleet = ["a", "b", "c", "d"].map((name) => machine(name, { macs: [name] }));
    const after = [...fleet, machine("new", { macs: ["new"] }), machine("no", { macs: ["no"], proof: false })];
    const macs = (every: boolean) =>
      asked({ puts: [id], every }, after, [...fleet.slice(0, 3), machine("d", { macs: ["d"], proof: "again" })]).map(
        ({ mac }) => mac,
      );
    expect(macs(false)).toEqual(["a", "d", "new"]);
    expect(macs(true)).toEqual(["a", "b", "c", "d", "new", "no"]);
  });

  it("asks for those, too, of which somebody changed the lines, or took them out", () => {
    const fleet = ["a", "b", "c"].map((name) => machine(name, { macs: [name], blocks: `host ${name} {\n}\n` }));
    const macs = (edited?: string) => asked({ puts: [id] }, fleet, fleet, edited).map(({ mac }) => mac);
    expect(macs()).toEqual(["a"]);
    expect(macs("host a {\n}\nhost b {\n x;\n}\nhost c {\n}\n")).toEqual(["a", "b"]);
    expect(macs("")).toEqual(["a", "b", "c"]);
    // Of a resource that this change does not put, those alone, and a wrong answer undoes nothing.
    const elsewhere = asked({}, fleet, fleet, "host a {\n}\nhost c {\n}\n");
    expect(elsewhere.map(({ mac, undoes }) => [mac, undoes])).toEqual([["b", "0"]]);
    expect(asked({ puts: [id] }, fleet, fleet).map(({ mac, undoes }) => [mac, undoes])).toEqual([["a", "1"]]);
    expect(asked({}, fleet, fleet)).toEqual([]);
  });

  it("tells what another node 0 offers otherwise, also in its name, and undoes nothing for it", () => {
    const [one] = [machine("a", { macs: ["m1"] })];
    const peers = [{ address: "192.168.1.14", next: "192.168.1.14" }];
    const right = { server: "192.168.1.14", address: "192.168.1.2", file: "ipxe.efi", next: "192.168.1.14" };
    const offers = [
      right,
      { ...right, file: "evil.efi" },
      { ...right, next: "192.168.1.9" },
      { ...right, address: "192.168.1.7" },
      { ...right, server: "192.168.1.9", file: "x" },
    ];
    const said = inHands(
      `my ($line, $after, @offers) = @in;
       my ($ask) = questions_of($line, { id => 'x', machine_of($after->{nodes})->%* });
       $ask->{others} = { map { ($_ => $offers[$_]) } 0 .. $#offers };
       for my $wrong (wrong_of_peers($ask, $line, [$after->{nodes}, 'node b - m9 x64 - + b'])) {
           tell_client('wrong', %$wrong, undoes => undoes($wrong, $line, { all => 1 }) ? 1 : 0);
       }`,
      [
        ...renderExpectations([{ ...dhcp, puts: [id], peers }]),
        line("after", { id, nodes: renderMachineLine(one as Machine) }),
        ...offers.map((offer) => line("offer", offer)),
      ],
    ).map(({ values }) => values);
    expect(said.map(({ file, next, address }) => `${address} ${file} ${next}`)).toEqual([
      "192.168.1.2 evil.efi 192.168.1.14",
      "192.168.1.2 ipxe.efi 192.168.1.9",
      "192.168.1.7 ipxe.efi 192.168.1.14",
    ]);
    expect(new Set(said.map(({ is, undoes, server, was }) => `${is} ${undoes} ${server} ${was}`))).toEqual(
      new Set([`peer 0 192.168.1.14 ${renderMachineLine(one as Machine)}`]),
    );
    expect(said.every((values) => values["chain"] === undefined)).toBe(true);
  });

  it("asks for a machine alone whether it is new or not", () => {
    const one = machine("a", { macs: ["a"] });
    expect(asked({ puts: [id] }, [one], [one])).toHaveLength(1);
  });

  it("asks for machines that stand for others by one MAC, with what undoes the change", () => {
    const stands = [
      {
        id: "OlaNode/p/two/m",
        machine: machine("m", { macs: ["m1", "m2"] }),
        undoIf: ["/etc/dhcp/dhcpd.conf", "unit:a b"],
      },
      { id: "OlaNode/p/two/n", machine: machine("n", { macs: ["n1"] }), undoIf: [] },
    ];
    expect(asked({ stands }, []).map(({ id: whose, mac, undoIf, stands: is }) => ({ whose, mac, undoIf, is }))).toEqual(
      [
        { whose: "OlaNode/p/two/m", mac: "m1", undoIf: "/etc/dhcp/dhcpd.conf|unit:a b", is: "1" },
        { whose: "OlaNode/p/two/n", mac: "n1", undoIf: "", is: "1" },
      ],
    );
  });
});
