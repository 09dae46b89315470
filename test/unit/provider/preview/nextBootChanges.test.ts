import { describe, expect, it } from "vitest";
import {
  describeNextBoots as describePreviewed,
  type FileChange,
  type NextBootChange,
} from "../../../../provider/preview/nextBootChanges";

const boot = (address: string, loader: string, hash: string): string =>
  `${address} db-1 (04:3f:72:aa:00:01)\nUEFI x64 → ${loader} sha256:${hash}…\niPXE → refind.pxe sha256:9a12c0ffee… → refind_x64.efi sha256:862e782512…, refind.conf sha256:51c0de5eed…\n→ first loader on a local disk`;
const usual = boot("10.20.0.11", "ipxe.efi", "67c7f1f8a1");

/** The files that change in this run: all of `usual`'s, where no test is about them. */
const allFiles = new Map<string, FileChange>(
  ["ipxe.efi", "snponly.efi", "refind.pxe", "refind_x64.efi", "refind.conf"].map((name) => [name, {}]),
);
const describeNextBoots = (changes: readonly NextBootChange[], total: number): string =>
  describePreviewed({ changes, files: allFiles, texts: new Map() }, total);

describe("describeNextBoots", () => {
  it("says that it speaks of the program, where a refresh found what machines boot by otherwise", () => {
    const drifted = (...names: readonly string[]) =>
      describePreviewed({ changes: [], files: new Map(), texts: new Map(), drifted: new Set(names) }, 2);
    expect(drifted()).toBe("next boot changes for none of 2 nodes");
    const behind = new Set(["web-1@node0-b", "db-1@node0-b"]);
    expect(describePreviewed({ changes: [], files: new Map(), texts: new Map(), behind }, 2)).toBe(
      "next boot changes for none of 2 nodes; that is by the program: db-1@node0-b, web-1@node0-b are not yet as it says, for the last up " +
        "went on without that host, which serves until the next one what it served before",
    );
    expect(drifted("node0-tftp", "node0-dhcp")).toBe(
      "next boot changes for none of 2 nodes; that is by the program: on node 0 node0-dhcp, node0-tftp are not as declared, " +
        "and until a run mends that machines may boot otherwise, or not at all",
    );
  });

  it("says what becomes of machines that nobody declares, where a run changes that", () => {
    const strangers = (what: "refuse" | "serve") =>
      describePreviewed({ changes: [], files: new Map(), texts: new Map(), strangers: what }, 2);
    expect(strangers("serve")).toBe(
      "next boot changes for none of 2 nodes; machines that nobody declares boot by node 0, too",
    );
    expect(strangers("refuse")).toMatch(/; machines that nobody declares boot by node 0 no more$/);
  });

  it("counts every machine of a server that gets another address", () => {
    const bootServer = "192.168.1.1 → 192.168.1.8";
    const after = boot("10.20.0.11", "ipxe.efi", "18fc84b6aa");
    const sentence = (changes: readonly NextBootChange[], ...on: readonly (string | undefined)[]) =>
      describePreviewed(
        {
          changes,
          files: changes.length === 0 ? new Map() : allFiles,
          texts: new Map(),
          bootServers: ["db-1", "db-2"].flatMap((name) =>
            on.map((server) => ({ name, bootServer, ...(server && { on: server }) })),
          ),
        },
        2,
      );
    expect(sentence([], undefined)).toBe(
      `next boot changes for 2 of 2 nodes: db-1, db-2 (both: boot server ${bootServer})`,
    );
    expect(sentence([], undefined, "node0-b")).toBe(sentence([], undefined));
    expect(sentence([], "node0-b")).toBe(
      `next boot changes for 2 of 2 nodes: db-1, db-2 (both: boot server ${bootServer} on node0-b)`,
    );
    const changes = [
      { name: "db-1", before: usual, after },
      { name: "db-2", after: usual },
    ];
    expect(sentence(changes, undefined)).toBe(
      `next boot changes for 2 of 2 nodes: db-1 (ipxe.efi 67c7f1f8 → 18fc84b6, boot server ${bootServer}); db-2 (new)`,
    );
  });

  it("says nothing of a file that is made anew as it was, and of one that nobody declared only what it will be", () => {
    const texts = new Map([["db-1", usual]]);
    const made = (before: string | undefined) =>
      describePreviewed(
        { changes: [], texts, files: new Map([["refind.pxe", { before, after: "9a12c0ffee".padEnd(64, "0") }]]) },
        1,
      );
    expect(made("9a12c0ffee".padEnd(64, "0"))).toBe("next boot changes for none of 1 node");
    expect(made("1".repeat(64))).toBe("next boot changes for 1 of 1 node: db-1 (refind.pxe 11111111 → 9a12c0ff)");
    expect(made(undefined)).toBe("next boot changes for 1 of 1 node: db-1 (refind.pxe → 9a12c0ff)");
  });

  it("says of a replaced machine what of it is another", () => {
    const replaced = (...others: readonly string[]) =>
      describeNextBoots([{ name: "db-1", after: usual, isReplaced: true, others }], 1);
    expect(replaced()).toBe("next boot changes for 1 of 1 node: db-1 (replaced)");
    expect(replaced("another address", "other NICs")).toBe(
      "next boot changes for 1 of 1 node: db-1 (replaced with another address and other NICs)",
    );
  });

  it("counts a machine once that changes on both of two servers, and says of which one a change is that is on one only", () => {
    const after = boot("10.20.0.11", "ipxe.efi", "18fc84b6aa");
    const both = [
      { name: "db-1", before: usual, after, on: "node0-b" },
      { name: "db-1", before: usual, after },
    ];
    expect(describeNextBoots(both, 2)).toBe("next boot changes for 1 of 2 nodes: db-1 (ipxe.efi 67c7f1f8 → 18fc84b6)");
    const second = [
      { name: "db-1", before: usual, after: usual },
      { name: "db-1", after: usual, on: "node0-b" },
    ];
    expect(describeNextBoots(second, 2)).toBe("next boot changes for 1 of 2 nodes: db-1 (new on node0-b)");
  });

  it("counts a machine that goes from one resource to another as one that stays, and says what is another there", () => {
    const moved = (after: string) =>
      describeNextBoots(
        [
          { name: "db-1", before: usual },
          { name: "db-1", after },
        ],
        2,
      );
    expect(moved(usual)).toBe("next boot changes for none of 2 nodes");
    expect(moved(boot("10.20.0.12", "ipxe.efi", "67c7f1f8a1"))).toBe(
      "next boot changes for 1 of 2 nodes: db-1 (address 10.20.0.11 → 10.20.0.12)",
    );
  });

  it("counts a machine that goes among all of which it speaks, for the program has it no more", () => {
    const goes = { name: "db-3", before: usual };
    expect(describeNextBoots([goes], 2)).toBe("next boot changes for 1 of 3 nodes: db-3 (goes)");
    expect(describeNextBoots([{ ...goes, name: "db-2", on: "node0-b" }], 2)).toBe(
      "next boot changes for 1 of 2 nodes: db-2 (goes on node0-b)",
    );
  });

  it("counts one once that goes and is in the program all the same, as where --target has it go and not come", () => {
    const changes = [{ name: "db-2", before: usual }];
    const of = (names: readonly string[]) =>
      describePreviewed({ changes, files: allFiles, texts: new Map(), names: new Set(names) }, 3);
    expect(of(["db-1", "db-2", "db-3"])).toBe("next boot changes for 1 of 3 nodes: db-2 (goes)");
    expect(of(["db-1", "db-3", "db-4"])).toBe("next boot changes for 1 of 4 nodes: db-2 (goes)");
  });

  it("names the machines whose next boot changes, and why", () => {
    const after = boot("10.20.0.11", "ipxe.efi", "18fc84b6aa");
    const changes = ["db-2", "db-1"].map((name) => ({ name, before: usual, after }));
    expect(describeNextBoots(changes, 300)).toBe(
      "next boot changes for 2 of 300 nodes: db-1, db-2 (both: ipxe.efi 67c7f1f8 → 18fc84b6)",
    );
  });

  it("says of several machines that what stands behind them is true of all", () => {
    const said = (count: number, change: object) =>
      describeNextBoots(
        Array.from({ length: count }, (_, n) => ({ name: `n${n}`, ...change })),
        9,
      ).replace(/.*nodes: /, "");
    expect(said(1, { after: usual })).toBe("n0 (new)");
    expect(said(2, { after: usual })).toBe("n0, n1 (both new)");
    expect(said(3, { after: usual })).toBe("n0, n1, n2 (all new)");
    expect(said(2, { before: usual })).toBe("n0, n1 (both go)");
    expect(said(3, { before: "not as declared: n0 is missing", after: usual })).toBe(
      "n0, n1, n2 (all missing on node 0)",
    );
    expect(said(2, { before: usual, after: boot("10.20.0.11", "snponly.efi", "67c7f1f8a1") })).toBe(
      "n0, n1 (both: ipxe.efi → snponly.efi)",
    );
  });

  it("says that no machine is affected", () => {
    expect(describeNextBoots([], 300)).toBe("next boot changes for none of 300 nodes");
    expect(describeNextBoots([{ name: "db-1", before: usual, after: usual }], 1)).toBe(
      "next boot changes for none of 1 node",
    );
  });

  it.each([
    [{ before: usual, after: boot("10.20.0.12", "ipxe.efi", "67c7f1f8a1") }, "address 10.20.0.11 → 10.20.0.12"],
    [{ before: usual, after: boot("10.20.0.11", "snponly.efi", "67c7f1f8a1") }, "ipxe.efi → snponly.efi"],
    [{ after: usual }, "new"],
    [{ before: "not as declared: db-1 is missing", after: usual }, "missing on node 0"],
    [{ before: "not as declared: web was changed", after: usual }, "changed on node 0"],
    [
      { before: "not as declared: the machine: another resource took it over", after: usual },
      "not as declared on node 0: the machine: another resource took it over",
    ],
    [{ after: usual, isReplaced: true as const }, "replaced"],
    [{ before: usual, after: usual, moved: "a.example → b.example" }, "node 0 a.example → b.example"],
    [{ before: usual, after: "unknown" }, "known only after this up"],
    [
      { before: usual, after: usual.replace("ipxe.efi sha256:67c7f1f8a1…", "ipxe.efi (its hash after this up)") },
      "ipxe.efi known only after this up",
    ],
    [
      { before: usual, after: usual.replace("10.20.0.11", "[address after this up]") },
      "address 10.20.0.11 → [address after this up]",
    ],
    [
      { before: usual, after: boot("10.20.0.12", "ipxe.efi", "67c7f1f8a1"), isSecret: true as const },
      "changed, a part of it is secret",
    ],
    [{ after: usual, isSecret: true as const }, "new"],
  ])("tells what changes: %j", (change, why) => {
    expect(describeNextBoots([{ name: "db-1", ...change }], 2)).toBe(
      `next boot changes for 1 of 2 nodes: db-1 (${why})`,
    );
  });

  it("does not list hundreds of names", () => {
    const changes = Array.from({ length: 300 }, (_, index) => ({ name: `n${100 + index}`, after: usual }));
    expect(describeNextBoots(changes, 300)).toBe(
      "next boot changes for 300 of 300 nodes: n100, n101, n102, n103, n104, n105, n106 and 293 more (all new)",
    );
  });

  const conf = (before: string, after: string) =>
    new Map([["refind.conf", { before: before.padEnd(64, "0"), after: after.padEnd(64, "0") }]]);
  const withConf = (hash: string) => usual.replace("51c0de5eed", hash);

  it("counts machines whose server does not know the files that change", () => {
    const texts = new Map([["db-1", withConf("unknown")]]);
    const files = conf("51c0de5eed", "babcb66cc2");
    expect(describePreviewed({ changes: [], files, texts }, 1)).toBe(
      "next boot changes for 1 of 1 node: db-1 (refind.conf 51c0de5e → babcb66c)",
    );
    const others = new Map([["about.txt", {}]]);
    expect(describePreviewed({ changes: [], files: others, texts }, 1)).toBe("next boot changes for none of 1 node");
  });

  it("counts machines whose resources are left out of the run that changes their file", () => {
    const texts = new Map([
      ["db-1", withConf("babcb66cc2")],
      ["db-2", withConf("babcb66cc2")],
    ]);
    const files = conf("51c0de5eed", "babcb66cc2");
    expect(describePreviewed({ changes: [], files, texts }, 2)).toBe(
      "next boot changes for 2 of 2 nodes: db-1, db-2 (both: refind.conf 51c0de5e → babcb66c)",
    );
    const own = { name: "db-1", before: usual, after: withConf("babcb66cc2").replace("10.20.0.11", "10.20.0.12") };
    expect(describePreviewed({ changes: [own], files, texts }, 2)).toBe(
      "next boot changes for 2 of 2 nodes: db-1 (address 10.20.0.11 → 10.20.0.12, refind.conf 51c0de5e → babcb66c); db-2 (refind.conf 51c0de5e → babcb66c)",
    );
    expect(describePreviewed({ changes: [], files: conf("1", "2"), texts }, 2)).toBe(
      "next boot changes for none of 2 nodes",
    );
  });

  it("does not say of this run what another one has changed before", () => {
    const changes = [{ name: "db-1", before: usual, after: withConf("babcb66cc2") }];
    expect(describePreviewed({ changes, files: new Map(), texts: new Map() }, 2)).toBe(
      "next boot changes for none of 2 nodes; it has changed before this run for db-1 (refind.conf 51c0de5e → babcb66c)",
    );
    const moved = [{ ...changes[0], name: "db-1", after: withConf("babcb66cc2").replace("10.20.0.11", "10.20.0.12") }];
    expect(describePreviewed({ changes: moved, files: new Map(), texts: new Map() }, 2)).toBe(
      "next boot changes for 1 of 2 nodes: db-1 (address 10.20.0.11 → 10.20.0.12)",
    );
  });
});
