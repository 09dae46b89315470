import { describe, expect, it } from "vitest";
import { nftables } from "../../../../provider/facts/nftables";
import { answersOf, firewallCase } from "../../../support/firewallCases";

const read = (text: string, json: string, status = 0) =>
  nftables.read(answersOf({ "nftables.text": { status, said: text }, "nftables.json": { status, said: json } }));
const ofCase = (name: string) => nftables.read(answersOf(firewallCase(name).answers));

describe("nftables", () => {
  it("takes the interfaces of a chain from the listing, since the JSON may not tell them", () => {
    const [chain] = ofCase("bookworm-a-drop-at-the-interface-itself").chains;
    expect(chain?.hook).toEqual({ type: "filter", hook: "ingress", priority: 0, policy: "accept", devices: ["eno2"] });
  });

  it("has no hook in a table that sleeps", () => {
    expect(ofCase("bookworm-a-table-that-sleeps").chains.map(({ hook }) => hook)).toEqual([undefined]);
  });

  it("keeps the words of each rule", () => {
    const rules = ofCase("bookworm-a-drop-that-is-logged-with-its-flags").chains.flatMap((chain) => chain.rules);
    expect(rules.map(({ text }) => text)).toEqual(['udp dport 69 log prefix "x: " flags skuid drop']);
  });

  it("knows the kernel's tables where nft(8) is not there", () => {
    const { program, chains, tables } = ofCase("bookworm-nftables-without-nft-8-");
    expect({ program, chains, tables }).toEqual({ program: false, chains: [], tables: ["inet mine"] });
  });

  it("reads the JSON behind a warning", () => {
    const json =
      '# Warning: table ip filter is managed by iptables-nft, do not touch!\n{"nftables": [{"metainfo": {}}]}\n';
    expect(read("", json).unread).toBeUndefined();
  });

  it.each<[string, string, string, number, string]>([
    ["a refusal", "Operation not permitted\nmore", "", 1, "nft list ruleset said: Operation not permitted"],
    ["no JSON", "", "{ half", 0, "nft -j list ruleset said: { half"],
    ["another JSON", "", '{"tables": []}', 0, 'nft -j list ruleset said: {"tables": []}'],
  ])("says that it could not read %s", (_name, text, json, status, unread) => {
    expect(read(text, json, status)).toMatchObject({ chains: [], unread });
  });
});
