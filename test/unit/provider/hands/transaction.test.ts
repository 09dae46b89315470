import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { line } from "../../../../provider/conversation/protocol";
import { renderPlan } from "../../../../provider/conversation/renderPlan";
import { namesJoin } from "../../../../provider/plan/joins";
import { renderUndone } from "../../../../provider/plan/outcome";
import type { JoinPlan, PathPlan, Plan } from "../../../../provider/plan/plan";
import { noPlan, sha256 } from "../plan/told";
import { inHands } from "./perl";

/** A question whose answer is never right. */
const fails: Plan["expectations"] = [{ ask: "run", id: "A", argv: ["false"], matches: [], what: "" }];

let folder = "";
let state = "";
beforeEach(() => {
  const root = mkdtempSync(join(tmpdir(), "netboot-hands-"));
  [folder, state] = [join(root, "host"), join(root, "state")];
  mkdirSync(folder);
  for (const each of ["", "register", "kept", "edits", "undo"]) mkdirSync(join(state, each));
});
afterEach(() => {
  rmSync(join(folder, ".."), { recursive: true, force: true });
});

const setUp = "my ($plan, %machines) = (by_word(grep { $_->{word} ne 'machines' } @in));";
const machinesIn = String.raw`
for my $line (grep { $_->{word} eq 'machines' } @in) { $machines{ $line->{when} } = { A => { generation => 1, head => [], nodes => [split /\n/, $line->{nodes}] } } }
$machines{$_} //= {} for 'before', 'after', 'entries';`;

/** Carries out a plan on this machine, and tells how it went. */
function transact(
  plan: Partial<Plan>,
  machines: Readonly<Record<"before" | "after", string>> = { before: "", after: "" },
) {
  const said = inHands(
    `${setUp} ${machinesIn}
     eval { transact($plan, \\%machines, { swapped => 0, renewed => 0, syncing => [] }); 1 } or tell_client('died', why => ref $@ ? $@->[0] : $@);`,
    [
      ...Object.entries(machines).map(([when, nodes]) => line("machines", { when, nodes })),
      ...renderPlan({ ...noPlan, ...plan }),
    ],
    state,
  );
  return Object.groupBy(
    said,
    ({ word }) => word as "died" | "wrong" | "undone" | "late" | "invalid" | "difference" | "done",
  );
}

/** What is at a path: its kind, what is in it, and for a file when it was written. */
function look(path: string): string {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return "absent";
  if (stat.isSymbolicLink()) return `link ${readlinkSync(path)}`;
  return `file ${(stat.mode & 0o7777).toString(8)} ${readFileSync(path, "latin1")} ${Math.floor(stat.mtimeMs / 1000)}`;
}

const kinds = {
  absent: () => undefined,
  file: (path: string) => {
    writeFileSync(path, Buffer.from("somebody's\xff\n", "latin1"));
    chmodSync(path, 0o604);
    utimesSync(path, 1_000_000_000, 1_000_000_000);
  },
  link: (path: string) => symlinkSync("somewhere else", path),
} satisfies Readonly<Record<string, (path: string) => void>>;

const targets: Readonly<Record<string, PathPlan["to"]>> = {
  absent: { is: "absent" },
  file: { is: "file", mode: "0640", content: "ours\n", sha256: sha256("ours\n") },
  link: { is: "link", target: "ours" },
};
const hostileName = "a b%\n'ü";
const pathPlan = (path: string, to: PathPlan["to"], more: Partial<PathPlan> = {}): PathPlan => ({
  path,
  id: "A",
  to,
  isOurs: false,
  had: false,
  ...more,
});

const pairs = (Object.keys(kinds) as (keyof typeof kinds)[]).flatMap((before) =>
  Object.keys(targets).map((after) => [before, after] as const),
);

describe("transact", () => {
  it.each(pairs)("makes of %s what is wanted: %s", (before, after) => {
    const path = join(folder, hostileName);
    kinds[before](path);
    const { died, wrong } = transact({ paths: [pathPlan(path, targets[after] ?? { is: "absent" })] });
    expect([died, wrong]).toEqual([undefined, undefined]);
    const expected = { absent: /^absent$/, file: /^file 640 ours\n /, link: /^link ours$/ }[after];
    expect(look(path)).toMatch(expected ?? /never/);
    expect(readdirSync(folder)).toEqual(after === "absent" ? [] : [hostileName]);
    expect(readdirSync(join(state, "undo"))).toEqual([]);
    expect(readdirSync(state)).not.toContain("journal");
  });

  it.each(pairs)("puts %s back as it was, byte for byte, where %s was not right", (before, after) => {
    const path = join(folder, hostileName);
    kinds[before](path);
    const was = look(path);
    const { died, wrong, undone, late } = transact({
      paths: [
        pathPlan(path, targets[after] ?? { is: "absent" }),
        pathPlan(join(folder, "z"), { is: "link", target: "x" }),
      ],
      expectations: fails,
    });
    expect(died?.[0]?.values["why"]).toBe("wrong");
    expect(wrong?.[0]?.values).toMatchObject({ n: "0", undoes: "1", status: "1" });
    expect(undone?.map(({ values }) => renderUndone(values))).toEqual(["the previous configuration was put back"]);
    expect(late).toBeUndefined();
    expect(look(path)).toBe(was);
    expect(readdirSync(folder)).toEqual(before === "absent" ? [] : [hostileName]);
    expect(readdirSync(state)).not.toContain("journal");
  });

  it.each(["file", "link", "absent"] as const)(
    "brings %s back that was there before us when nobody wants anything any more",
    (before) => {
      const path = join(folder, "a");
      kinds[before](path);
      const was = look(path);
      const to = targets["file"] ?? { is: "absent" };
      transact({ paths: [pathPlan(path, to)] });
      expect(look(path)).toMatch(/^file 640 ours/);
      transact({ paths: [pathPlan(path, { is: "original" }, { had: true, recorded: sha256("ours\n") })] });
      expect(look(path)).toBe(was);
    },
  );

  it("makes folders that are wanted, and takes them away again with what it undoes", () => {
    const [inner, path] = [join(folder, "made/inner"), join(folder, "made/inner/a")];
    const plan = {
      folders: [{ path: inner, mode: "0750" }],
      paths: [pathPlan(path, targets["file"] ?? { is: "absent" })],
    };
    transact({ ...plan, expectations: fails });
    expect(readdirSync(folder)).toEqual([]);
    transact(plan);
    expect((lstatSync(inner).mode & 0o7777).toString(8)).toBe("750");
    expect(look(path)).toMatch(/^file 640 ours/);
    transact({ paths: [pathPlan(path, { is: "original" }, { had: true })] });
    expect(readdirSync(folder)).toEqual([]);
  });

  it("touches nothing where a checker refuses, and tells which one", () => {
    const path = join(folder, "a");
    kinds.file(path);
    const was = look(path);
    const checks: Plan["checks"] = [
      { program: "dhcpd", argv: ["true"], if: [path] },
      { program: "dnsmasq", argv: ["false"], if: ["/not/touched"] },
      { program: "dnsmasq", argv: ["grep", "-c", "theirs", `@staged:${path}@`], if: [path] },
    ];
    const { died, invalid, undone } = transact({
      paths: [pathPlan(path, targets["file"] ?? { is: "absent" })],
      checks,
    });
    expect([died?.[0]?.values["why"], undone]).toEqual(["invalid", undefined]);
    expect(invalid?.map(({ values }) => values)).toEqual([{ n: "2", status: "1", said: "0\n" }]);
    expect(look(path)).toBe(was);
    expect(readdirSync(folder)).toEqual(["a"]);
  });

  it("has a checker read a candidate in which the staged files stand for their own", () => {
    const [main, part] = [join(folder, "main"), join(folder, "part")];
    const content = `include "${part}";\n`;
    const candidate = {
      path: join(folder, "candidate"),
      file: main,
      includes: [part],
      before: `head @staged:${part}@\n`,
    };
    const plan: Partial<Plan> = {
      paths: [
        pathPlan(main, { is: "file", mode: "0644", content, sha256: sha256(content) }),
        pathPlan(part, targets["file"] ?? { is: "absent" }),
      ],
      checks: [{ program: "chronyd", argv: ["sh", "-c", `cat ${candidate.path}; exit 1`], if: [main], candidate }],
    };
    const staged = join(folder, ".part.netboot-new");
    expect(transact(plan).invalid?.[0]?.values["said"]).toBe(`head ${staged}\ninclude "${staged}";\n`);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("keeps what somebody edited since, and tells its lines", () => {
    const path = join(folder, "a");
    writeFileSync(path, "edited\n");
    const to = targets["file"] ?? { is: "absent" };
    const { difference } = transact({
      paths: [pathPlan(path, to, { had: true, recorded: sha256("what we wrote\n") })],
    });
    const [{ values } = { values: {} as Readonly<Record<string, string>> }] = difference ?? [];
    expect(values).toMatchObject({ why: "edited", id: "A", path, lines: expect.stringContaining("-edited\n+ours") });
    expect(readFileSync(values["copy"] ?? "", "utf8")).toBe("edited\n");
    expect(look(path)).toMatch(/^file 640 ours/);
  });

  it("tells nothing of what we wrote ourselves", () => {
    const path = join(folder, "a");
    writeFileSync(path, "what we wrote\n");
    const to = targets["file"] ?? { is: "absent" };
    expect(
      transact({ paths: [pathPlan(path, to, { had: true, recorded: sha256("what we wrote\n") })] }).difference,
    ).toBeUndefined();
  });

  it("asks what is only to be told without undoing anything", () => {
    const path = join(folder, "a");
    const expectations = fails.map((each) => ({ ...each, undoIf: [] }));
    const { died, wrong, undone } = transact({
      paths: [pathPlan(path, targets["link"] ?? { is: "absent" })],
      expectations,
    });
    expect([died, undone, wrong?.[0]?.values["undoes"]]).toEqual([undefined, undefined, "0"]);
    expect(look(path)).toBe("link ours");
  });

  it("notes the chains that did not fail", () => {
    const proves = { chains: ["x64 b", "x64 a"] };
    transact({ paths: [pathPlan(join(folder, "a"), targets["link"] ?? { is: "absent" })], proves });
    expect(readFileSync(join(state, "proved"), "utf8")).toBe("x64 a\nx64 b\n");
    transact({ proves: { chains: ["x64 c"], if: ["/not/touched"] } });
    expect(readFileSync(join(state, "proved"), "utf8")).toBe("x64 a\nx64 b\n");
    transact({ proves: { chains: ["x64 c"] } });
    expect(readFileSync(join(state, "proved"), "utf8")).toBe("x64 c\n");
  });

  it("tells of each resource whether anything of its own was touched", () => {
    const records = ["A", "B"].map((id) => ({ id, held: [] }));
    const { done } = transact({ records, paths: [pathPlan(join(folder, "a"), targets["link"] ?? { is: "absent" })] });
    expect(done?.map(({ values }) => `${values["id"]} ${values["how"]}`)).toEqual(["A changed", "B unchanged"]);
  });
});

describe("transact, of a block in a file of somebody else's", () => {
  const row = (hostname: string, last: number): string => `node ${hostname} 192.168.1.${last} m x64 - + %`;
  const joinPlan = (more: Partial<JoinPlan> = {}): JoinPlan => ({
    ...namesJoin({ want: "names", mode: "hosts", records: "" }),
    path: join(folder, "hosts"),
    id: "N",
    is: "file",
    had: false,
    domainBefore: "",
    afterBefore: "",
    ...more,
  });
  const block = (...lines: readonly string[]) =>
    ["# pulumi-netboot begin", ...lines, "# pulumi-netboot end"].join("\n");
  const theirs = "127.0.0.1 localhost\n\n# no newline at the end";

  it("comes, changes and goes, and every byte around it stays", () => {
    const path = join(folder, "hosts");
    writeFileSync(path, theirs, { mode: 0o604 });
    transact({ joins: [joinPlan()] }, { before: "", after: row("a", 2) });
    expect(readFileSync(path, "utf8")).toBe(`${theirs}\n${block("192.168.1.2 a")}`);
    const { difference } = transact({ joins: [joinPlan({ had: true })] }, { before: row("a", 2), after: row("b", 3) });
    expect(readFileSync(path, "utf8")).toBe(`${theirs}\n${block("192.168.1.3 b")}`);
    expect(difference).toBeUndefined();
    transact({ joins: [joinPlan({ had: true, is: "gone" })] });
    expect(readFileSync(path, "utf8")).toBe(theirs);
    expect((lstatSync(path).mode & 0o7777).toString(8)).toBe("604");
  });

  it("tells of lines that somebody wrote into it, and of none of ours, be it that the domain is another now", () => {
    const path = join(folder, "hosts");
    writeFileSync(path, `${block("192.168.1.2 a.old a", "10.0.0.1 mine")}\n`);
    const joins = [joinPlan({ had: true, domain: "new", domainBefore: "old" })];
    const { difference } = transact({ joins }, { before: row("a", 2), after: row("a", 2) });
    expect(difference?.map(({ values }) => [values["why"], values["lines"]])).toEqual([["block", "  10.0.0.1 mine"]]);
    expect(readFileSync(path, "utf8")).toBe(`${block("192.168.1.2 a.new a")}\n`);
  });
});

describe("transact, of joined names", () => {
  const row = "node a 192.168.1.2 m x64 - + %";
  const machines = { before: row, after: row };
  const path = () => join(folder, "hosts");

  it.each([
    ["the domain is another", "192.168.1.2 a.old a\n", { domain: "new", domainBefore: "old" }],
    ["a domain is new", "192.168.1.2 a\n", { domain: "new" }],
    [
      "a record is another",
      "192.168.1.2 a\n192.168.1.9 nas\n",
      { after: "192.168.1.8 nas\n", afterBefore: "192.168.1.9 nas\n" },
    ],
  ])("tells of no edit in dnsmasq's file where only %s", (_name, text, more) => {
    const join_ = namesJoin({ want: "names", mode: "dnsmasq", records: "" });
    writeFileSync(path(), join_.before + text);
    const plan: JoinPlan = {
      ...join_,
      path: path(),
      id: "N",
      is: "file",
      had: true,
      domainBefore: "",
      afterBefore: "",
      ...more,
    };
    expect(transact({ joins: [plan] }, machines).difference).toBeUndefined();
  });

  it("tells of no lost line in a block where only a record is another", () => {
    const join_ = namesJoin({ want: "names", mode: "hosts", records: "192.168.1.8 nas\n" });
    writeFileSync(path(), "# pulumi-netboot begin\n192.168.1.2 a\n192.168.1.9 nas\n# pulumi-netboot end\n");
    const before = { domainBefore: "", afterBefore: "192.168.1.9 nas\n" };
    const plan: JoinPlan = { ...join_, path: path(), id: "N", is: "file", had: true, ...before };
    expect(transact({ joins: [plan] }, machines).difference).toBeUndefined();
  });
});

describe("undo_files", () => {
  it("may be carried out any number of times, also after a stop in the middle", () => {
    const names = pairs.map(([before, after]) => `${before} ${after}`);
    for (const [index, [before]] of pairs.entries()) kinds[before](join(folder, names[index] ?? ""));
    const was = names.map((name) => look(join(folder, name)));
    const before = readdirSync(folder);
    const made = join(folder, "made");
    const paths = pairs.map(([, after], index) =>
      pathPlan(join(folder, names[index] ?? ""), targets[after] ?? { is: "absent" }),
    );
    const stopped = (perl: string) =>
      inHands(
        `${setUp} ${machinesIn}
         my $work = work_of($plan, \\%machines, {});
         $work->{changed} = [sort keys $work->{paths}->%*];
         prepare($work);
         ${perl}`,
        renderPlan({
          ...noPlan,
          folders: [{ path: made, mode: "0755" }],
          paths: [...paths, pathPlan(join(made, "x"), targets["file"] ?? { is: "absent" })],
        }),
        state,
      );
    stopped("swap($work); undo_files(); undo_files();");
    expect(names.map((name) => look(join(folder, name)))).toEqual(was);
    for (const count of [0, 1, 4, 8]) {
      stopped(`splice $work->{changed}->@*, ${count}; swap($work); undo_transaction(1); undo_transaction(1);`);
      expect(names.map((name) => look(join(folder, name)))).toEqual(was);
      expect(readdirSync(folder)).toEqual(before);
      expect(readdirSync(state)).not.toContain("journal");
    }
  });

  it("passes over what can't be put back, does the rest, and is tried again for that alone", () => {
    const [a, b, c] = ["a", "b", "c"].map((name) => join(folder, name)) as [string, string, string];
    for (const path of [a, b, c]) kinds.file(path);
    const was = look(a);
    const to = targets["file"] ?? { is: "absent" };
    // Where b was, a folder stands now, over which no file can be renamed.
    const argv = ["sh", "-c", `rm ${b}; mkdir -p ${b}/in; exit 1`] as const;
    const { undone } = transact({
      paths: [a, b, c].map((path) => pathPlan(path, to)),
      expectations: [{ ask: "run", id: "A", argv, matches: [], what: "" }],
    });
    expect(undone?.[0]?.values["failed"]).toBe(
      `all that a change had written was put back but for ${b} (Is a directory); lsattr and findmnt show what holds a path`,
    );
    expect([look(a), look(c)]).toEqual([was, was]);
    expect(readFileSync(join(state, "journal"), "utf8")).toMatch(/^undo file \S+\/b \S+ .*\n$/);
    rmSync(b, { recursive: true });
    writeFileSync(a, "written since\n");
    inHands("undo_transaction(0)", [], state);
    expect([look(b), readFileSync(a, "utf8")]).toEqual([was, "written since\n"]);
    expect(readdirSync(state)).not.toContain("journal");
    expect(readdirSync(folder)).toEqual(["a", "b", "c"]);
  });

  it("keeps what somebody wrote after the swap, and tells where", () => {
    const [file, created] = [join(folder, "file"), join(folder, "created")];
    kinds.file(file);
    const was = look(file);
    const edit = {
      ask: "run",
      id: "A",
      argv: ["sh", "-c", `echo late > ${file}; exit 1`],
      matches: [],
      what: "",
    } as const;
    const to = targets["file"] ?? { is: "absent" };
    const { late } = transact({ paths: [pathPlan(file, to), pathPlan(created, to)], expectations: [edit] });
    expect(late?.map(({ values }) => values["path"])).toEqual([file]);
    expect(readFileSync(late?.[0]?.values["copy"] ?? "", "utf8")).toBe("late\n");
    expect([look(file), look(created)]).toEqual([was, "absent"]);
  });
});

describe("a unit that reads its files anew", () => {
  const unit = "a.service";
  const reading = (path: string): Partial<Plan> => ({
    paths: [pathPlan(path, targets["file"] ?? { is: "absent" })],
    units: [{ unit, id: "A", restartedBy: [], reloadedBy: [path], isPut: false, isStale: false, had: true }],
  });
  let calls = "";

  /** Stands in for systemctl, which fails where these words are asked of it. */
  function withSystemctl(fails: string): () => void {
    const { PATH = "" } = process.env;
    calls = join(folder, "..", "calls");
    const script = `#!/bin/sh\necho "$*" >> ${calls}\n[ "$1" = show ] && printf "%s\\\\n" ActiveState=active SubState=running MainPID=1 NRestarts=0\n[ "$*" != "${fails}" ]\n`;
    writeFileSync(join(folder, "..", "systemctl"), script, { mode: 0o755 });
    writeFileSync(join(folder, "..", "journalctl"), "#!/bin/sh\necho it said so\n", { mode: 0o755 });
    process.env["PATH"] = `${join(folder, "..")}:${PATH}`;
    return () => {
      process.env["PATH"] = PATH;
    };
  }
  const called = (): readonly string[] =>
    readFileSync(calls, "utf8")
      .split("\n")
      .filter((call) => /^(reload|restart)/.test(call));

  it("is reloaded when they change", () => {
    const done = withSystemctl("nothing");
    const { died, done: told } = transact(reading(join(folder, "conf")));
    done();
    expect([died, told, called()]).toEqual([undefined, undefined, [`reload ${unit}`]]);
  });

  it("has them put back where it can't, and is restarted where it can't read those either", () => {
    const path = join(folder, "conf");
    const done = withSystemctl(`reload ${unit}`);
    const { died, undone } = transact(reading(path));
    done();
    expect(died?.[0]?.values["why"]).toBe("NOT_SERVING");
    expect(undone).toHaveLength(1);
    expect(look(path)).toBe("absent");
    expect(called()).toEqual([`reload ${unit}`, `reload ${unit}`, `restart ${unit}`]);
  });
});
