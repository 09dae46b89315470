import { describe, expect, it } from "vitest";
import { iptables } from "../../../../provider/facts/iptables";
import { answersOf, firewallCase } from "../../../support/firewallCases";

const ofCase = (name: string) => iptables.read(answersOf(firewallCase(name).answers));
const ran = (said: string, status = 0) => ({ status, said });

describe("iptables", () => {
  it("reads the tables that are there, in a packet's order", () => {
    const { tables, unread } = ofCase("bookworm-iptables-a-gateway-that-marks-and-looks-where-packets-come-from");
    expect(tables.map(({ kind, table }) => `${kind} ${table}`)).toEqual([
      "iptables-nft raw",
      "iptables-nft mangle",
      "iptables-nft nat",
      "iptables-nft filter",
    ]);
    expect(tables.at(-1)?.chains.get("INPUT")).toEqual({
      policy: "DROP",
      rules: ["-i lo -j ACCEPT", "-p tcp -m tcp --dport 22 -j ACCEPT", "-p udp -j ACCEPT"],
    });
    expect(unread).toEqual([]);
  });

  it("leaves to nft what iptables-nft does not print whole", () => {
    const said =
      "# Table `filter' contains incompatible base-chains, use 'nft' tool to list them.\n*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n";
    const answers = { "nftables.tables": ran("ip filter\n"), "iptables.nft": ran(said) };
    expect(
      iptables.read(answersOf({ ...answers, "nftables.text": ran(""), "nftables.json": ran('{"nftables": []}') })),
    ).toMatchObject({
      tables: [],
      unread: [],
    });
    expect(iptables.read(answersOf(answers)).unread).toEqual(["iptables-nft-save does not print the table filter"]);
  });

  it("says that a program is not there, or what it said", () => {
    const names = { "iptables.legacyNames": ran("nat\nfilter\n") };
    expect(iptables.read(answersOf({ ...names, "iptables.legacy": ran("", 127) })).unread).toEqual([
      "no program iptables-legacy is there for its table nat",
      "no program iptables-legacy is there for its table filter",
    ]);
    expect(iptables.read(answersOf({ ...names, "iptables.legacy": ran("Permission denied\n", 4) })).unread).toEqual([
      "iptables-legacy-save said: Permission denied",
    ]);
  });
});
