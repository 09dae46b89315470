import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeWord, line } from "../../../../provider/conversation/protocol";
import { stagedName } from "../../../../provider/plan/transaction";
import { inHands } from "./perl";

const text = fc.oneof(
  fc.string({ unit: "binary" }).map((each) => each.toWellFormed()),
  fc.constantFrom("a=b=c", "=", "%", "%20", "\n", "0", ""),
);

describe("parse_lines", () => {
  it("reads what renderMessage wrote, and tell_client says it back as parseSaid reads it", () => {
    const values = fc.dictionary(fc.stringMatching(/^[ac-z][A-Za-z0-9]*$/), text, { maxKeys: 5 });
    fc.assert(
      fc.property(fc.array(values, { minLength: 1, maxLength: 100 }), (messages) => {
        const said = inHands(
          "for my $line (@in) { my %values = %$line; tell_client(delete $values{word}, %values) }",
          messages.map((each) => line("x", each)),
        );
        expect(said).toEqual(messages.map((each) => ({ word: "x", values: each })));
      }),
      { numRuns: 5 },
    );
  });

  it("has the bytes that follow a line, whatever they are", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { minLength: 1, maxLength: 100 }), (contents) => {
        const said = inHands(
          "tell_client($_->{word}, content => unpack 'H*', $_->{content} // 'none') for @in",
          contents.flatMap((content) => [line("file", {}, content), line("after", {}, "")]),
        );
        const hex = contents.map((content) => Buffer.from(content).toString("hex"));
        expect(said.map(({ word, values }) => `${word} ${values["content"]}`)).toEqual(
          hex.flatMap((each) => [`file ${each}`, "after "]),
        );
      }),
      { numRuns: 5 },
    );
  });

  it("has a word alone, and neither what is undefined nor what is false", () => {
    const said = inHands("tell_client(join ' ', sort keys %$_) for @in", [
      line("x"),
      line("y", { a: false, b: undefined, c: true }),
    ]);
    expect(said.map(({ word }) => word)).toEqual(["word", "c"]);
  });
});

describe("tell_client", () => {
  it("says nothing of what is undefined, and keeps what is empty or 0", () => {
    expect(inHands("tell_client('x', a => undef, b => '', c => 0)")).toEqual([
      { word: "x", values: { b: "", c: "0" } },
    ]);
  });

  it("says bytes that are no UTF-8 one by one", () => {
    expect(inHands(String.raw`tell_client('x', a => "\xff\x00\n%")`)).toEqual([
      { word: "x", values: { a: "\xff\0\n%" } },
    ]);
  });

  it("says nothing where nobody listens", () => {
    expect(inHands("begin(undef); tell_client('x')")).toEqual([]);
  });
});

describe("encode", () => {
  it("writes the words that TypeScript writes", () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 100 }), (words) => {
        const [said] = inHands(
          "tell_client('x', all => join '|', map { encode($_->{word_}) } @in)",
          words.map((word) => line("w", { word_: word })),
        );
        expect(said?.values["all"]?.split("|")).toEqual(words.map(encodeWord));
      }),
      { numRuns: 5 },
    );
  });
});

describe("parts_of", () => {
  it("reads lists, an empty one too", () => {
    const lists = [[], ["a"], ["a", "b c", "d\n"], [1, 2]];
    const said = inHands(
      "tell_client('x', count => scalar(my @parts = parts_of($_->{list})), list => join '|', parts_of($_->{list})) for @in, {}",
      lists.map((list) => line("w", { list })),
    );
    expect(said.map(({ values }) => `${values["count"]} ${values["list"]}`)).toEqual([
      "0 ",
      "1 a",
      "3 a|b c|d\n",
      "2 1|2",
      "0 ",
    ]);
  });
});

describe("as_name", () => {
  it("makes a file name of any text, and no two of the same", () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 2, maxLength: 100 }), (texts) => {
        const said = inHands(
          "tell_client('x', name => as_name($_->{text}), back => decode(as_name($_->{text}))) for @in",
          texts.map((each) => line("w", { text: each })),
        );
        expect(said.map(({ values }) => values["back"])).toEqual(texts);
        for (const { values } of said) expect(values["name"]).toMatch(/^[^/\0]+$/);
      }),
      { numRuns: 5 },
    );
  });
});

describe("staged_name", () => {
  it.each(["/etc/dhcp/dhcpd.conf", "/srv/a", "/etc/a b/c\nd"])("is what TypeScript calls it: %j", (path) => {
    expect(inHands("tell_client('x', name => staged_name($in[0]{path}))", [line("w", { path })])).toEqual([
      { word: "x", values: { name: stagedName(path) } },
    ]);
  });
});
