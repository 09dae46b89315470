import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { line, partsOf, renderMachineLine } from "../../../../provider/conversation/protocol";
import type { Machine } from "../../../../provider/plan/records";
import { machine } from "../plan/registered";
import { inHands } from "./perl";

const nodeLine = (hostname: string, more: Partial<Machine> = {}): string =>
  renderMachineLine(machine(hostname, { macs: [`mac-of-${hostname}`], address: undefined, ...more }));

/** A register as Perl has it, by the texts of its records. */
const registerIn =
  "my $register = { map { ($_->{id} => parse_record($_->{text})) } grep { $_->{word} eq 'record' } @in };";
const record = (id: string, lines: readonly string[], generation = "1") =>
  line("record", {
    id,
    text: ["generation", generation].join(" ").concat("\n", lines.map((each) => `${each}\n`).join("")),
  });

describe("parse_record", () => {
  it("is what render_record writes, with the machines last", () => {
    const said = inHands(`${registerIn} tell_client('x', text => render_record($register->{A}))`, [
      record("A", ["purge", nodeLine("a"), "unit a.service %"], "0b"),
    ]);
    expect(said[0]?.values["text"]).toBe(`generation 0b\npurge\nunit a.service %\n${nodeLine("a")}\n`);
  });

  it("has nothing of an empty file", () => {
    const said = inHands(
      "my $none = parse_record(''); tell_client('x', heads => scalar @{ $none->{head} }, nodes => scalar @{ $none->{nodes} })",
    );
    expect(said[0]?.values).toEqual({ heads: "0", nodes: "0" });
  });
});

describe("claims_of", () => {
  it.each([
    [
      nodeLine("db 1", { address: "192.168.1.2", macs: ["52:54:00:00:00:01", "52:54:00:00:00:02"] }),
      ['the name "db%201"', "the address 192.168.1.2", "the MAC 52:54:00:00:00:01", "the MAC 52:54:00:00:00:02"],
    ],
    [nodeLine("a", { macs: ["52:54:00:00:00:01"] }), ['the name "a"', "the MAC 52:54:00:00:00:01"]],
  ])("has in words what only one machine may have: %s", (row, claims) => {
    const said = inHands(String.raw`tell_client('x', claims => join "\0", claims_of($in[0]{row}))`, [
      line("x", { row }),
    ]);
    expect(partsOf(said[0]?.values["claims"])).toEqual(claims);
  });
});

describe("merge_register", () => {
  interface Change {
    readonly before?: Readonly<Record<string, readonly string[]>>;
    readonly puts?: Readonly<Record<string, readonly string[]>>;
    readonly drops?: Readonly<Record<string, string>>;
    readonly generations?: readonly [before: string, put: string];
  }

  /** Who has which machines afterwards, and what clashes. */
  function merged({ before = {}, puts = {}, drops = {}, generations: [old, young] = ["1", "2"] }: Change) {
    const said = inHands(
      `${registerIn}
       my ($puts, $drops) = changes_in(@in);
       my ($merged, @clashes) = merge_register($register, $puts, $drops);
       tell_client('has', id => $_, generation => $merged->{$_}{generation}, head => join('|', @{ $merged->{$_}{head} }),
           names => join ',', map { (split / /)[1] } @{ $merged->{$_}{nodes} }) for sort keys %$merged;
       tell_client('clash', text => join ' / ', @$_) for @clashes;
       tell_client('same', is => join ',', grep { ($merged->{$_} // 0) == $register->{$_} } sort keys %$register);
       tell_client('kept', names => join ',', map { (split / /)[1] } map { @{ $register->{$_}{nodes} } } sort keys %$register);`,
      [
        ...Object.entries(before).map(([id, lines]) => record(id, ["purge", ...lines], old)),
        ...Object.entries(puts).map(([id, nodes]) =>
          line("put", { id, generation: young }, nodes.map((each) => `${each}\n`).join("")),
        ),
        ...Object.entries(drops).map(([id, generation]) => line("drop", { id, generation })),
      ],
    );
    const of = (word: string) => said.filter((each) => each.word === word).map(({ values }) => values);
    return {
      has: Object.fromEntries(of("has").map(({ id = "", names = "" }) => [id, names])),
      generations: Object.fromEntries(of("has").map(({ id = "", generation = "" }) => [id, generation])),
      clashes: of("clash").map(({ text }) => text),
      same: of("same")[0]?.["is"],
      kept: of("kept")[0]?.["names"],
    };
  }

  const [a, b, c] = ["OlaNode/p/one/a", "OlaNode/p/one/b", "OlaNode/p/two/c"] as const;

  it("has what is put in the place of what was there, and the rest as it was", () => {
    const result = merged({
      before: { [a]: [nodeLine("old")], [b]: [nodeLine("b")] },
      puts: { [a]: [nodeLine("new")], [c]: [] },
    });
    expect(result).toEqual({
      has: { [a]: "new", [b]: "b", [c]: "" },
      generations: { [a]: "2", [b]: "1", [c]: "2" },
      clashes: [],
      same: b,
      kept: "old,b",
    });
  });

  it("drops what is of the same generation, and nothing that was made anew since", () => {
    expect(merged({ before: { [a]: [nodeLine("a")] }, drops: { [a]: "1" } }).has).toEqual({});
    expect(merged({ before: { [a]: [nodeLine("a")] }, drops: { [a]: "0" } }).has).toEqual({ [a]: "a" });
    expect(merged({ drops: { [a]: "1" } }).has).toEqual({});
  });

  it("keeps a resource that is dropped and put in one change", () => {
    expect(
      merged({ before: { [a]: [nodeLine("a")] }, puts: { [a]: [nodeLine("n")] }, drops: { [a]: "1" } }).has,
    ).toEqual({ [a]: "n" });
  });

  it.each([
    ["its name", { macs: ["other"] }],
    ["its address", { macs: ["other"], address: "192.168.1.2" }],
    ["one of its MACs", { macs: ["other", "mac-of-x"] }],
  ])("takes a machine away from a resource of which another one wants %s, and tells the claim", (what, more) => {
    const taking = nodeLine(what === "its name" ? "x" : "y", more);
    const before = { [b]: [nodeLine("x", { address: "192.168.1.2" }), nodeLine("z")] };
    const result = merged({ before, puts: { [a]: [taking] } });
    expect(result.clashes).toEqual([expect.stringMatching(new RegExp(`^the .* / ${a} / ${b}$`))]);
    expect(result.has[b]).toBe("z");
    // What was read of the disk stays what it was.
    expect(result.kept).toBe("x,z");
    expect(result.same).toBe("");
  });

  it("tells one claim of each two that want the same, of whatever stacks", () => {
    const result = merged({
      before: { [c]: [nodeLine("x"), nodeLine("y")] },
      puts: { [a]: [nodeLine("x"), nodeLine("y")] },
    });
    expect(result.clashes).toEqual([`the name "x" / ${a} / ${c}`]);
  });

  it("tells of a resource that is made anew whether its record has a machine of it", () => {
    const before = { [a]: [nodeLine("x")], [b]: [nodeLine("z")] };
    const { clashes, has } = merged({ before, puts: { [a]: [nodeLine("x")], [b]: [nodeLine("y")] } });
    expect(clashes).toEqual([`the name "x" / ${a} / ${a}`]);
    expect(has).toEqual({ [a]: "x", [b]: "y" });
  });

  it("knows a generation by its last eight digits", () => {
    const put = { [a]: [nodeLine("x")] };
    expect(
      merged({ before: { [a]: [nodeLine("x")] }, puts: put, generations: ["abcdef01", "11112222abcdef01"] }).clashes,
    ).toEqual([]);
    expect(
      merged({ before: { [a]: [nodeLine("x")] }, puts: put, generations: ["abcdef01", "11112222abcdef02"] }).clashes,
    ).not.toEqual([]);
    expect(
      merged({ before: { [a]: [nodeLine("x")] }, drops: { [a]: "abcdef01" }, generations: ["11112222abcdef01", ""] })
        .has,
    ).toEqual({});
  });

  it("is a clash within one change, also of one stack", () => {
    const result = merged({ puts: { [a]: [nodeLine("x")], [b]: [nodeLine("y", { macs: ["mac-of-x"] })] } });
    expect(result.clashes).toEqual([`the MAC mac-of-x / ${b} / ${a}`]);
  });

  it("is no clash with what goes in the same change", () => {
    expect(
      merged({ before: { [c]: [nodeLine("x")] }, puts: { [a]: [nodeLine("x")] }, drops: { [c]: "1" } }),
    ).toMatchObject({
      has: { [a]: "x" },
      clashes: [],
    });
  });
});

describe("join_machines", () => {
  const joined = (records: Parameters<typeof inHands>[1], join: Readonly<Record<string, string>>): string | undefined =>
    inHands(
      `${registerIn} my ($join) = grep { $_->{word} eq 'join' } @in; tell_client('x', text => join_machines($register, $join))`,
      [...(records ?? []), line("join", { before: "# head\n", after: "", domain: "", ...join })],
    )[0]?.values["text"];

  it("has the blocks of machines below their resources, in the order of the ids, and leaves out who has none", () => {
    const records = [
      record("B", [nodeLine("b", { blocks: "host b {\n}\n" })]),
      record("A", ["purge"]),
      record("AA", [nodeLine("n", { blocks: "host ü;\n" }), nodeLine("m", { blocks: "host m;\n" })]),
    ];
    expect(joined(records, { of: "blocks" })).toBe("# head\n\n# AA\nhost ü;\nhost m;\n\n# B\nhost b {\n}\n");
    expect(joined([], { of: "blocks" })).toBe("# head\n");
  });

  it("has what stands between two machines, also of two resources, and after the last", () => {
    const records = [
      record("A", [nodeLine("a", { blocks: "{ a }" }), nodeLine("b", { blocks: "# b\n{ b }" })]),
      record("B", [nodeLine("c", { blocks: "{ c }" })]),
    ];
    const join = { of: "blocks", separator: ",\n", after: "\n" };
    expect(joined(records, join)).toBe("# head\n\n# A\n{ a },\n# b\n{ b },\n\n# B\n{ c }\n");
    expect(joined([], join)).toBe("# head\n\n");
  });

  it("has names in the order of the addresses, with the domain, and the records after them", () => {
    const records = [
      record("A", [
        nodeLine("ten", { address: "192.168.1.10" }),
        nodeLine("pooled"),
        nodeLine("x.other", { address: "192.168.1.9" }),
      ]),
      record("B", [nodeLine("two", { address: "192.168.1.2" })]),
    ];
    expect(joined(records, { of: "names", domain: "example.org", after: "192.168.1.1 nas\n" })).toBe(
      "# head\n192.168.1.2 two.example.org two\n192.168.1.9 x.other\n192.168.1.10 ten.example.org ten\n192.168.1.1 nas\n",
    );
    expect(joined(records, { of: "names" })).toBe("# head\n192.168.1.2 two\n192.168.1.9 x.other\n192.168.1.10 ten\n");
  });
});

describe("with_block", () => {
  const begin = "# pulumi-netboot begin";
  const end = "# pulumi-netboot end";
  const block = `${begin}\n192.168.1.2 a\n${end}`;
  const other = `${begin}\n${end}`;

  /** Texts with a block put in, with another one in its place, and with it taken out again. */
  const blocked = (texts: readonly string[]) =>
    inHands(
      `my ($join) = shift @in;
       for my $line (@in) {
           my $with = with_block($line->{text}, $join, $join->{block});
           tell_client('x', with => $with, again => with_block($with, $join, $join->{block}), other => with_block($with, $join, $join->{other}),
               without => without_block($with, $join), none => without_block($line->{text}, $join));
       }`,
      [line("join", { begin, end, block, other }), ...texts.map((text) => line("x", { text }))],
    ).map(({ values }) => values);

  const foreign = fc.oneof(
    fc.constantFrom("", "127.0.0.1 localhost", `${begin} x`, ` ${begin}`, `x${end}`, end, "# ü\r"),
    fc.string({ unit: "binary" }).map((each) => each.toWellFormed().replaceAll("\n", "")),
  );
  /** Lines of somebody else's: an end of a block may be among them, but no beginning. */
  const text = fc
    .tuple(fc.array(foreign.filter((each) => each !== begin)), fc.boolean())
    .map(([lines, ends]) => lines.join("\n") + (ends && lines.length > 0 ? "\n" : ""));
  const many = { minLength: 1, maxLength: 50 } as const;

  it("keeps every byte of a text that has no block, also the lack of a newline at its end", () => {
    fc.assert(
      fc.property(fc.array(text, many), (texts) => {
        for (const [index, values] of blocked(texts).entries()) {
          const before = texts[index] ?? "";
          const isWhole = before === "" || before.endsWith("\n");
          expect(values).toEqual({
            with: isWhole ? `${before}${block}\n` : `${before}\n${block}`,
            again: values["with"],
            other: isWhole ? `${before}${other}\n` : `${before}\n${other}`,
            without: before,
            none: before,
          });
        }
      }),
      { numRuns: 5 },
    );
  });

  it("keeps every byte around a block that is there, wherever it is", () => {
    const around = fc.tuple(text, fc.option(text, { nil: undefined }));
    fc.assert(
      fc.property(fc.array(around, many), (all) => {
        const parts = all.map(([before, after]) => {
          const head = before === "" || before.endsWith("\n") ? before : `${before}\n`;
          return { head, tail: after === undefined ? "" : `\n${after}` };
        });
        const stale = `${begin}\n127.0.0.1 stale\n${end}`;
        for (const [index, values] of blocked(parts.map(({ head, tail }) => head + stale + tail)).entries()) {
          const { head = "", tail = "" } = parts[index] ?? {};
          expect(values["with"]).toBe(head + block + tail);
          expect(values["other"]).toBe(head + other + tail);
          expect(values["without"]).toBe(tail === "" ? head.replace(/\n$/, "") : head + tail.slice(1));
        }
      }),
      { numRuns: 5 },
    );
  });

  it("takes a beginning without an end for somebody else's", () => {
    const [values] = blocked([`${begin}\n127.0.0.1 x\n`]);
    expect(values).toMatchObject({ with: `${begin}\n127.0.0.1 x\n${block}\n`, without: `${begin}\n127.0.0.1 x\n` });
  });
});
