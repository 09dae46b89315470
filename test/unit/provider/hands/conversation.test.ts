import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { line, parseMachineLine, renderMachineLine } from "../../../../provider/conversation/protocol";
import type { Machine } from "../../../../provider/plan/records";
import { machine } from "../plan/registered";
import { inHands } from "./perl";

const registers = String.raw`
my %register = map { my $of = $_; ($of => { map { ($_->{id} => { generation => 1, head => [], nodes => [split /\n/, $_->{nodes}] }) } grep { $_->{word} eq $of } @in }) } 'before', 'after';`;
const record = (word: "before" | "after", id: string, ...machines: readonly Machine[]) =>
  line(word, { id, nodes: machines.map(renderMachineLine).join("\n") });

describe("changes_in", () => {
  it("has what is put with its machines, and what is dropped, each with its generation", () => {
    const said = inHands(
      `my ($puts, $drops) = changes_in(@in);
       tell_client('put', id => $_, generation => $puts->{$_}{generation}, nodes => join '|', @{ $puts->{$_}{nodes} }) for sort keys %$puts;
       tell_client('drop', id => $_, generation => $drops->{$_}) for sort keys %$drops;`,
      [
        line("put", { id: "A", generation: "1" }, "node a\nnode b\n"),
        line("put", { id: "B", generation: "2" }, ""),
        line("drop", { id: "C d", generation: "3" }),
        line("question", { key: "k", ask: "roster" }),
      ],
    );
    expect(said).toEqual([
      { word: "put", values: { id: "A", generation: "1", nodes: "node a|node b" } },
      { word: "put", values: { id: "B", generation: "2", nodes: "" } },
      { word: "drop", values: { id: "C d", generation: "3" } },
    ]);
  });
});

describe("summary_of", () => {
  it("counts machines, MACs and those of the pool, and has one of each firmware, loader and subnet", () => {
    const some: fc.Arbitrary<Machine> = fc
      .record({
        hostname: fc.string({ minLength: 1 }),
        address: fc.constantFrom(undefined, "192.168.1.2"),
        macs: fc.array(fc.constantFrom("52:54:00:00:00:01", "52:54:00:00:00:02"), { minLength: 1 }),
        firmware: fc.constantFrom("x64", "ia32"),
        loader: fc.constantFrom(undefined, "snponly.efi"),
        proof: fc.constantFrom(true, false, "again"),
      })
      .map((each) => machine(each.hostname, each as Partial<Machine>));
    fc.assert(
      fc.property(fc.array(fc.array(some), { minLength: 1, maxLength: 30 }), (fleets) => {
        const said = inHands(
          String.raw`tell_client('x', summary_of({ nodes => [split /\n/, $_->{nodes}] }, {})) for @in`,
          fleets.map((machines) => record("after", "A", ...machines)),
        );
        for (const [index, { values }] of said.entries()) {
          const machines = fleets[index] ?? [];
          const { examples = "", ...counts } = values;
          expect(counts).toEqual({
            machines: String(machines.length),
            macs: String(machines.flatMap(({ macs }) => macs).length),
            pooled: String(machines.filter(({ address }) => address === undefined).flatMap(({ macs }) => macs).length),
          });
          const shown = examples === "" ? [] : examples.split("\n").map(parseMachineLine);
          const pair = ({ firmware, loader, address = "-" }: Machine): string =>
            `${firmware} ${loader ?? ""} ${address.replace(/\.\d+$/, "")}`;
          expect(shown.map(pair).toSorted()).toEqual([...new Set(machines.map(pair))].toSorted());
          for (const each of shown) {
            const alike = machines.filter((other) => pair(other) === pair(each));
            expect(alike).toContainEqual(each);
            // One that may be proved stands before one that may not.
            expect(each.proof !== false).toBe(alike.some(({ proof }) => proof !== false));
          }
        }
        expect(said).toHaveLength(fleets.length);
      }),
      { numRuns: 5 },
    );
  });

  it("tells a kind once for each subnet, and again only to have one that may be proved", () => {
    const lines = [
      machine("a", { address: "192.168.1.2", proof: false }),
      machine("b", { address: "192.168.1.3", proof: false }),
      machine("c", { address: "192.168.1.4" }),
      machine("d", { address: "192.168.1.5" }),
      machine("e", { address: "192.168.2.5" }),
    ];
    const said = inHands(
      String.raw`my %shown; tell_client('x', summary_of({ nodes => [$_->{nodes}] }, \%shown)) for @in`,
      lines.map((each) => record("after", "A", each)),
    );
    const told = said.flatMap(({ values }) => (values["examples"] ?? "").split("\n").filter((line) => line !== ""));
    expect(told.map((line) => parseMachineLine(line).hostname)).toEqual(["a", "c", "e"]);
  });

  it("says of what goes that it is gone", () => {
    expect(inHands("tell_client('x', summary_of(undef, {}))")).toEqual([{ word: "x", values: { gone: "1" } }]);
  });
});

describe("tell_names", () => {
  const named = (...lines: Parameters<typeof inHands>[1] & object) =>
    inHands(`${registers} tell_names(@register{'before', 'after'})`, lines).map(
      ({ values: { how, id, hostname, address } }) => `${how} ${hostname} ${address} ${id}`,
    );
  const at = (hostname: string, last: number): Machine => machine(hostname, { address: `192.168.1.${last}` });

  it("tells who comes, goes and stays", () => {
    const said = named(
      record("before", "A", at("stays", 2), at("goes", 3), at("moves", 4)),
      record("after", "A", at("stays", 2), at("moves", 5)),
      record("after", "B", at("comes", 6), machine("pooled", { address: undefined })),
    );
    expect(said).toEqual([
      "comes comes 192.168.1.6 B",
      "comes moves 192.168.1.5 A",
      "goes goes 192.168.1.3 A",
      "stays comes 192.168.1.6 B",
      "stays moves 192.168.1.5 A",
      "stays stays 192.168.1.2 A",
    ]);
  });

  it("tells 32 of each at most", () => {
    const many = [...Array(40).keys()].map((index) => at(`h${index}`, index + 2));
    expect(named(record("after", "A", ...many))).toHaveLength(64);
  });
});

describe("entries_of", () => {
  it("has what is put, what goes, what is stripped, what lost machines, and whose are written anew; with the lines of the plan", () => {
    const said = inHands(
      `${registers}
       my ($before, $after) = @register{'before', 'after'};
       $after->{same} = $before->{same};
       my $entries = entries_of({ before => $before, after => $after }, ['put', 'gone'], @in);
       for my $id (sort keys %$entries) {
           my $record = $entries->{$id};
           tell_client($id, defined $record ? (head => join('|', @{ $record->{head} }), nodes => scalar @{ $record->{nodes} }) : (gone => 1));
       }`,
      [
        record("before", "same", machine("s")),
        record("before", "less", machine("l"), machine("m")),
        record("before", "stripped"),
        record("before", "other", machine("o")),
        record("before", "gone", machine("g")),
        record("after", "less", machine("l")),
        record("after", "put", machine("p")),
        record("after", "stripped"),
        record("after", "other", machine("o")),
        line("record", { id: "put", head: "purge\nunit a.service %" }),
        line("strip", { id: "stripped", head: "" }),
        line("nodes", { id: "other" }, [machine("o"), machine("n")].map(renderMachineLine).join("\n")),
        line("nodes", { id: "unknown" }, renderMachineLine(machine("u"))),
        line("stop", { unit: "a.service" }),
      ],
    );
    expect(said).toEqual([
      { word: "gone", values: { gone: "1" } },
      { word: "less", values: { head: "", nodes: "1" } },
      { word: "other", values: { head: "", nodes: "2" } },
      { word: "put", values: { head: "purge|unit a.service %", nodes: "1" } },
      { word: "stripped", values: { head: "", nodes: "0" } },
    ]);
  });
});
