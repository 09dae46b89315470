import { describe, expect, it } from "vitest";
import type { Declaration, Want } from "../../../../provider/kinds/want";
import {
  isClash,
  isForeign,
  isOfOtherStack,
  isSameCreate,
  refuseClash,
  takenFrom,
  warnOfKept,
  warnOfLeft,
  warnOfOtherRuns,
  warnOfTaken,
  whyNotOurs,
  whyOtherRecord,
} from "../../../../provider/plan/ownership";
import type { Held, RegisterEntry } from "../../../../provider/plan/records";
import { tokenOf } from "../../../../provider/values/hidden";

const id = "OlaNode/shop/prod/node-1";
const other = "OlaNode/shop/prod/node-2";
const ours = "aaaaaaaa";
const theirs = "bbbbbbbb";

function entry(of: string, generation: string, held: readonly Held[] = [], machines = 0): RegisterEntry {
  return { id: of, generation, held, machines, macs: machines, pooled: 0, examples: [] };
}

const byId = (...entries: readonly RegisterEntry[]) => new Map(entries.map((each) => [each.id, each] as const));

function put(of: string, generation: string, more: { wants?: readonly Want[]; takesOver?: string } = {}): Declaration {
  return { id: of, generation, wants: more.wants ?? [], stack: { tokens: new Set([ours]), takesOver: more.takesOver } };
}

const node: Want = { want: "node", hostname: "a", macs: [], firmware: "x64", proof: true, blocks: "" };
const settled: Held = { want: "settled" };

function why(declaration: Declaration, before: readonly RegisterEntry[], goOn: readonly string[] = []) {
  const entries = byId(...before);
  const register = { before: entries, after: entries, clashes: [], goOn: new Set(goOn) };
  return whyNotOurs(new Map([[declaration.id, declaration]]), register);
}

describe("generations", () => {
  it("have a stack's token and a create's own digits; older ones only the latter", () => {
    expect(tokenOf(`${ours}00000001`)).toBe(ours);
    expect(tokenOf("00000001")).toBeUndefined();
    expect(isSameCreate("00000001", `${ours}00000001`)).toBe(true);
    expect(isSameCreate(`${ours}00000002`, `${ours}00000001`)).toBe(false);
  });
});

describe("whyNotOurs", () => {
  it("lets a resource go on with its own record, also with one that an older release wrote", () => {
    expect(why(put(id, `${ours}00000001`), [entry(id, `${ours}00000001`, [settled])])).toBeUndefined();
    expect(why(put(id, `${ours}00000001`), [entry(id, "00000001")])).toBeUndefined();
    expect(why(put(id, `${ours}00000001`), [])).toBeUndefined();
  });

  it("lets a create go on with what a create of its stack left that was cut short", () => {
    expect(why(put(id, `${ours}00000002`), [entry(id, `${ours}00000001`, [settled])])).toBeUndefined();
    expect(why(put(id, `${ours}00000002`), [entry(id, "00000001")])).toBeUndefined();
    // A first up of which no state tells.
    expect(why(put(id, `${ours}00000002`), [entry(id, `${theirs}00000001`)])).toBeUndefined();
  });

  const living = [entry(id, `${theirs}00000001`), entry(other, `${theirs}00000009`, [settled])];

  it("refuses the record of another stack of the same name, and says both ways out", () => {
    const refusal = why(put(id, `${ours}00000002`), living);
    expect(refusal).toMatchObject({ code: "CLASH", id });
    expect(refusal?.message).toMatch(/a stack that is named shop\/prod has this resource here/);
    expect(refusal?.message).toMatch(/PULUMI_NETBOOT_TAKE_OVER=shop\/prod/);
  });

  it("refuses what another first up has made elsewhere, and goes on with one that was cut short here", () => {
    const create = (place: string) => {
      const made = put(id, `${ours}00000002`);
      return { ...made, stack: { tokens: new Set([ours]), place } };
    };
    const begun = [entry(id, `${theirs}00000001`, [{ want: "begun", at: "there" }])];
    expect(why(create("there"), begun)).toBeUndefined();
    expect(why(create("here"), begun)).toMatchObject({ code: "CLASH", id });
    const takingOver = create("here");
    const stack = { ...takingOver.stack, takesOver: "shop/prod" };
    expect(why({ ...takingOver, stack }, begun)).toBeUndefined();
  });

  it("takes over what the operator names, and nothing else", () => {
    expect(why(put(id, `${ours}00000002`, { takesOver: "shop/prod" }), living)).toBeUndefined();
    expect(why(put(id, `${ours}00000002`, { takesOver: "shop/dev" }), living)).toMatchObject({ code: "CLASH" });
  });

  it("has a create take another id where its own is of a renamed resource with other machines", () => {
    const create = put(id, `${ours}00000002`, { wants: [node] });
    const renamed = [entry(id, `${ours}00000001`, [settled], 1)];
    expect(why(create, renamed)).toMatchObject({ id, isIdTaken: true });
    expect(why(create, renamed, [id])).toBeUndefined();
    expect(why(create, [entry(id, `${ours}00000001`)])).toBeUndefined();
  });
});

describe("isForeign", () => {
  it("tells nothing where nobody knows of tokens", () => {
    const before = byId(entry(id, `${theirs}00000001`, [settled]));
    const declared = { id, generation: "00000001", wants: [] };
    expect(isForeign(entry(id, `${theirs}00000001`), declared, before)).toBe(false);
    expect(isForeign(entry(id, `${theirs}00000001`), put(id, "00000001"), before)).toBe(true);
  });
});

describe("isClash", () => {
  const clash = { claim: "the MAC x", id, other };

  it("is none within a stack, wherever its resources were made", () => {
    const puts = new Map([[id, put(id, `${ours}1`)]]);
    expect(isClash(clash, puts, byId(entry(other, `${ours}00000009`)))).toBe(false);
    const moved = "OlaNode/shop/dev/old";
    const named = entry(moved, `${ours}00000009`, [{ want: "named", as: "OlaNode/shop/prod/old" }]);
    expect(isClash({ ...clash, other: moved }, puts, byId(named))).toBe(false);
    expect(isClash({ ...clash, other: moved }, puts, byId(entry(moved, `${ours}00000009`)))).toBe(true);
  });

  it("is one between stacks, also of one name, and between two of one request", () => {
    const puts = new Map([[id, put(id, `${ours}1`)]]);
    expect(isClash(clash, puts, byId(entry(other, `${theirs}00000009`, [settled])))).toBe(true);
    const away = put(id, `${ours}1`, { wants: [{ want: "named", as: "OlaNode/shop/dev/node-1" }] });
    expect(isClash(clash, new Map([[id, away]]), byId(entry(other, `${ours}00000009`)))).toBe(true);
    expect(isClash(clash, new Map([...puts, [other, put(other, `${ours}2`)]]), byId())).toBe(true);
    expect(isClash({ ...clash, other: id }, puts, byId())).toBe(false);
  });
});

describe("refuseClash", () => {
  const claim = "the MAC 52:54:00:00:00:02";

  it("says what both want, and who has it, by the name that it has now", () => {
    const message = (other: string) =>
      `${claim} belongs to ${other} already; take it out of one of the two programs. Where none has that any more, \`npx pulumi-netboot records\` lists what stands there, and takes it off`;
    const clash = { claim, id, other: "OlaNode/shop/dev/mine" };
    expect(refuseClash(clash, new Map(), byId())).toEqual({ code: "CLASH", id, message: message(clash.other) });
    const named = entry(clash.other, "1", [{ want: "named", as: "OlaNode/shop/live/yours" }]);
    expect(refuseClash(clash, new Map(), byId(named)).message).toBe(message("OlaNode/shop/live/yours"));
  });

  it("names the machine of a fleet", () => {
    const fleet = "OlaFleet/shop/prod/rack";
    const member = { ...node, hostname: "inv-2", address: "192.168.1.3", macs: ["52:54:00:00:00:02"] };
    const puts = new Map([[fleet, put(fleet, `${ours}1`, { wants: [node, member] })]]);
    const message = (what: string) =>
      refuseClash({ claim: what, id: fleet, other: "OlaNode/shop/dev/mine" }, puts, byId());
    expect(message(claim).message).toMatch(
      /^the MAC 52:54:00:00:00:02 of inv-2 belongs to OlaNode\/shop\/dev\/mine already/,
    );
    expect(message("the address 192.168.1.3").message).toMatch(/^the address 192\.168\.1\.3 of inv-2 belongs/);
    expect(message('the name "inv-2"').message).toMatch(/^the name "inv-2" belongs/);
  });

  it("says both ways out where the other stack is named alike", () => {
    const refusal = refuseClash(
      { claim, id, other },
      new Map([[id, put(id, `${ours}1`)]]),
      byId(entry(other, `${theirs}1`)),
    );
    expect(refusal.message).toMatch(/^a stack that is named shop\/prod has the MAC 52:54:00:00:00:02 here, /);
  });
});

describe("whyOtherRecord", () => {
  it("says whose the record is now, and nothing where a state does not tell", () => {
    expect(whyOtherRecord(entry(id, `${ours}00000001`), { generation: "00000001" })).toBeUndefined();
    expect(whyOtherRecord(entry(id, `${ours}00000001`), {})).toBeUndefined();
    expect(whyOtherRecord(entry(id, `${ours}00000001`), { generation: "undefined" })).toBeUndefined();
    expect(whyOtherRecord(entry(id, `${theirs}00000002`), { generation: `${ours}00000001` })).toMatch(/another stack/);
    expect(whyOtherRecord(entry(id, `${ours}00000002`), { generation: `${ours}00000001` })).toMatch(/made anew/);
    expect(whyOtherRecord(entry(id, "00000002"), { generation: `${ours}00000001` })).toMatch(/made anew/);
    const declared = entry(id, `${ours}00000001`, [{ want: "declared", by: "0a" }]);
    expect(whyOtherRecord(declared, { generation: `${ours}00000001`, by: "0a" })).toBeUndefined();
    expect(whyOtherRecord(declared, { generation: `${ours}00000001`, by: "0b" })).toMatch(/another run declared it/);
    const behind = { generation: `${ours}00000001`, by: "0b", undone: "node0-b was down" };
    expect(whyOtherRecord(declared, behind)).toMatch(
      /last `pulumi up` that reached it declared, for node0-b was down /,
    );
    expect(whyOtherRecord(declared, { ...behind, by: "0a" })).toBeUndefined();
    // What an older release wrote does not tell.
    expect(whyOtherRecord(entry(id, `${ours}00000001`), { generation: `${ours}00000001`, by: "0b" })).toBeUndefined();
    expect(isOfOtherStack(entry(id, `${theirs}00000002`), `${ours}00000001`)).toBe(true);
    expect(isOfOtherStack(entry(id, "00000002"), `${ours}00000001`)).toBe(false);
  });
});

describe("warnOfTaken", () => {
  const clashes = [{ claim: "the MAC 52:54:00:00:00:01", id, other }];
  const before = byId(entry(other, `${ours}00000001`, [], 1));
  const puts = new Map([[id, put(id, `${ours}00000002`)]]);

  it("tells of a machine that another resource of the stack has no more", () => {
    expect(warnOfTaken({ puts, drops: new Map() }, { clashes, before })).toEqual([
      {
        id,
        text: expect.stringMatching(
          /^the MAC 52:54:00:00:00:01 was that of OlaNode\/shop\/prod\/node-2, .*up --refresh/,
        ),
      },
    ]);
  });

  it("tells in one line of all that one resource takes", () => {
    const [more, most] = ["OlaNode/shop/prod/node-3", "OlaNode/shop/prod/node-4"];
    const all = [other, more, most].map((each, index) => ({
      claim: `the MAC 52:54:00:00:00:0${index}`,
      id,
      other: each,
    }));
    const records = byId(...[other, more, most].map((each) => entry(each, `${ours}00000001`, [], 1)));
    expect(warnOfTaken({ puts, drops: new Map() }, { clashes: all, before: records })).toEqual([
      {
        id,
        text: expect.stringMatching(
          /^the MAC 52:54:00:00:00:00 was that of \S+node-2, which has lost the machine to this one, as \S+node-3, \S+node-4 have: right where/,
        ),
      },
    ]);
  });

  it("says nothing where that one goes or changes in the same run, or is the same one made anew", () => {
    expect(warnOfTaken({ puts, drops: new Map([[other, "1"]]) }, { clashes, before })).toEqual([]);
    const both = new Map([...puts, [other, put(other, `${ours}00000001`)]]);
    expect(warnOfTaken({ puts: both, drops: new Map() }, { clashes, before })).toEqual([]);
    const same = [{ claim: "the MAC 52:54:00:00:00:01", id, other: id }];
    expect(warnOfTaken({ puts, drops: new Map() }, { clashes: same, before })).toEqual([]);
  });

  it("gives no advice for the other one where its stack is taken over", () => {
    const theirRecord = byId(entry(other, `${theirs}00000001`, [], 1));
    const taking = new Map([[id, put(id, `${ours}00000002`, { takesOver: "shop/prod" })]]);
    const [told] = warnOfTaken({ puts: taking, drops: new Map() }, { clashes, before: theirRecord });
    expect(told?.text).toMatch(/ of the stack that is taken over; it has this machine no more$/);
  });
});

describe("warnOfLeft", () => {
  const left = (declaration: Declaration, record: RegisterEntry, ...recorded: readonly string[]) =>
    warnOfLeft(new Map([[id, declaration]]), byId(record), () => recorded.map((hostname) => ({ hostname }))).map(
      (warning) => warning.text,
    );

  it("names machines that a stack which is taken over has in a resource, and this program has not", () => {
    const taken = put(id, `${ours}00000001`, { wants: [node], takesOver: "shop/prod" });
    expect(left(taken, entry(id, `${theirs}00000002`), "c", "a", "b")).toEqual([
      expect.stringMatching(
        /^in the stack that is taken over it has b, c as well, which are not here: node 0 serves them /,
      ),
    ]);
    expect(left(taken, entry(id, `${theirs}00000002`), "a")).toEqual([]);
    expect(left(taken, entry(id, `${ours}00000001`), "a", "b")).toEqual([]);
    expect(left(taken, entry(id, "00000001"), "a", "b")).toEqual([]);
    expect(left({ ...taken, stack: { tokens: new Set([ours]) } }, entry(id, `${theirs}00000002`), "b")).toEqual([]);
  });
});

describe("warnOfOtherRuns", () => {
  const before = byId(entry(other, `${ours}00000001`, [{ want: "declared", by: "0a" }]));
  const warned = (by: string, drops: ReadonlyMap<string, string> = new Map(), more: readonly Declaration[] = []) => {
    const own = put(id, `${ours}00000002`);
    const declaration = { ...own, stack: { tokens: new Set([ours]), declared: new Map([[other, by]]) } };
    const puts = new Map([declaration, ...more].map((each) => [each.id, each]));
    return warnOfOtherRuns({ puts, drops }, before);
  };

  it("tells of what node 0 has otherwise than the state, beside what a run declares", () => {
    expect(warned("0b")).toEqual([
      {
        id,
        text: expect.stringMatching(/^node 0 has OlaNode\/shop\/prod\/node-2 as another run declared it, .*--refresh/),
      },
    ]);
  });

  it("tells of what another resource has taken machines of, in words of its own", () => {
    const own = put(id, `${ours}00000002`);
    const declaration = { ...own, stack: { tokens: new Set([ours]), declared: new Map([[other, "0b"]]) } };
    const less = byId(entry(other, `${ours}00000001`, [{ want: "declared", by: takenFrom }]));
    expect(warnOfOtherRuns({ puts: new Map([[id, declaration]]), drops: new Map() }, less)).toEqual([
      {
        id,
        text: expect.stringMatching(
          /^another resource has taken machines of OlaNode\/shop\/prod\/node-2, which node 0 serves no more as this state has them\. .*--refresh/,
        ),
      },
    ]);
    // What is missing of it is told machine by machine.
    expect(
      whyOtherRecord(less.get(other) as RegisterEntry, { generation: `${ours}00000001`, by: "0b" }),
    ).toBeUndefined();
  });

  it("says nothing of what is as the state has it, and of what this run declares or lets go", () => {
    expect(warned("0a")).toEqual([]);
    expect(warned("0b", new Map([[other, ""]]))).toEqual([]);
    expect(warned("0b", new Map(), [put(other, `${ours}00000001`)])).toEqual([]);
  });
});

describe("warnOfKept", () => {
  const kept = (generation: string, record: string, tokens: readonly string[] = []) =>
    warnOfKept({ drops: new Map([[id, generation]]), tokens: new Set(tokens) }, byId(entry(id, record)));

  it("tells of what another stack took over, which stays when its former one lets it go", () => {
    const text =
      "node 0 has it of another stack of this name, which took it over; it stays there, and only this stack's state lets it go";
    expect(kept(`${ours}00000001`, `${theirs}00000002`)).toEqual([{ id, text }]);
  });

  it("says nothing of what goes, of what was made anew, and of one of the stack's own tokens", () => {
    expect(kept(`${ours}00000001`, `${ours}00000001`)).toEqual([]);
    expect(kept(`${ours}00000001`, `${ours}00000002`)).toEqual([]);
    expect(kept(`${ours}00000001`, `${theirs}00000002`, [theirs])).toEqual([]);
    expect(warnOfKept({ drops: new Map([[id, `${ours}00000001`]]) }, byId())).toEqual([]);
  });
});
