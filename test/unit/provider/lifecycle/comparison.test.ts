import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { kindOf } from "../../../../provider/kinds";
import { check, declaredBy, diff, digestsOf } from "../../../../provider/lifecycle/comparison";
import type { ExportedState } from "../../../../tools/scratch.mts";
import { bare, hostKey, userKey } from "../../../support/sshServer.ts";

const connection = { host: "node0" };
const id = "DhcpServer/shop/prod/dhcp";
const urn = "urn:pulumi:prod::shop::netboot:index:NetbootServer$pulumi-nodejs:dynamic/netboot:DhcpServer::dhcp";
const inputs = { connection, config: "a\n", unit: "u", __provider: "text", __urn: urn };
const outputs = { ...inputs, listening: "eno2 udp 67", __generation: "1", __machine: "m" };

describe("a host that the operator says is gone", () => {
  it("has all of its resources made anew, and no other has", () => {
    vi.stubEnv("PULUMI_NETBOOT_FORGET", "node0");
    onTestFinished(() => void vi.unstubAllEnvs());
    const made = { changes: true, replaces: [] };
    expect(diff("DhcpServer", id, outputs, inputs)).toEqual(made);
    expect(diff("DhcpServer", id, outputs, { ...inputs, connection: { host: "new" } })).toEqual(made);
    const elsewhere = { connection: { host: "node0-b" } };
    expect(diff("DhcpServer", id, { ...outputs, ...elsewhere }, { ...inputs, ...elsewhere })).toMatchObject({
      changes: false,
    });
  });
});

describe("check", () => {
  it("refuses what a transform has written that nothing reads, but not what an older state has", () => {
    const fleet = { connection: { host: "a" }, rows: "db-1 10.20.0.11 db-1 52:54:00:00:00:01", chains: {} };
    const written = { ...fleet, nodes: { "db-1": {} } };
    expect(check("OlaFleet", {}, fleet).failures).toEqual([]);
    expect(check("OlaFleet", {}, written).failures.map(({ reason }) => reason)).toEqual([
      "nodes: a transform has written this, and nothing reads it: the inputs of OlaFleet are rows, chains, verify, daemon, whileOneIsDown; its machines are the text rows, a line for each [ARGUMENTS_INVALID]",
    ]);
    expect(check("OlaFleet", { nodes: {} }, written).failures).toEqual([]);
  });

  it("returns every mistake that the program found, with its property", () => {
    const problems = [
      { path: "macs[0]", message: '"52:54" is no MAC' },
      { path: "", message: "wrong" },
    ];
    expect(check("DhcpServer", {}, { ...inputs, __problems: problems })).toEqual({
      inputs,
      failures: [
        { property: "", reason: 'macs[0]: "52:54" is no MAC [ARGUMENTS_INVALID]' },
        { property: "", reason: "wrong [ARGUMENTS_INVALID]" },
      ],
    });
  });

  it("returns the mistakes that stand where an input's value would be, after those of the connection", () => {
    const { failures } = check(
      "OlaNode",
      {},
      {
        connection,
        hostBlocks: { __problems: [{ path: "address", message: "is taken" }] },
        __problems: [{ path: "connection.host", message: "is empty" }],
      },
    );
    expect(failures.map(({ reason }) => reason)).toEqual([
      "connection.host: is empty [ARGUMENTS_INVALID]",
      "address: is taken [ARGUMENTS_INVALID]",
    ]);
  });

  it("passes on inputs that are right, or not yet known", () => {
    const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
    expect(check("DhcpServer", {}, { ...inputs, __problems: unknown })).toEqual({ inputs, failures: [] });
    expect(check("DhcpServer", {}, inputs)).toEqual({ inputs, failures: [] });
  });
});

describe("diff", () => {
  it("sees no change where the inputs are those of before, whatever our own keys say", async () => {
    expect((await diff("DhcpServer", id, outputs, { ...inputs, __provider: "other" })).changes).toBe(false);
  });

  it.each([
    ["a text", { config: "b\n" }],
    ["a key of the connection", { connection: { host: "node0", user: "operator" } }],
    ["an input that is new", { allowDefaultRoute: true }],
  ])("leaves it to the engine to draw a change of %s", async (_name, change) => {
    expect((await diff("DhcpServer", id, outputs, { ...inputs, ...change })).changes).toBeUndefined();
  });

  it.each<[what: string, kind: string, news: object]>([
    ["a new name, from which its id is made", "DhcpServer", { ...inputs, __urn: urn.replace(/dhcp$/, "lan") }],
    ["another parent", "DhcpServer", { ...inputs, __urn: urn.replace("NetbootServer", "Other") }],
    ["the provider's text of another release", "DhcpServer", { ...inputs, __provider: "other" }],
    ["where DHCP will be served", "Packages", inputs],
  ])("has the engine draw a change beside %s without hidden keys", async (_name, kind, news) => {
    const { changes } = await diff(kind, id.replace("DhcpServer", kind), outputs, { ...news, unit: "v" });
    expect(changes).toBe(true);
  });

  it("stays quiet where nothing but an output of an older release is gone", async () => {
    const packages = { connection, packages: ["a"] };
    const olds = { ...packages, sha256: "0" };
    expect((await diff("Packages", "Packages/shop/prod/p", olds, packages)).changes).toBeUndefined();
  });

  it("leaves a resource with replaceOnChanges to the engine, which knows by its own comparison alone what that is about", async () => {
    const renamed = { ...inputs, __urn: urn.replace(/dhcp$/, "named"), unit: "v" };
    expect(check("DhcpServer", {}, { ...renamed, __replaces: true }).inputs).toEqual(renamed);
    expect((await diff("DhcpServer", id, outputs, renamed)).changes).toBeUndefined();
  });

  it("keeps out of the state that it is a preview", () => {
    expect(check("DhcpServer", {}, { ...inputs, __preview: true }).inputs).toEqual(inputs);
    expect(check("DhcpServer", {}, { ...inputs, __tokens: ["11111111"] }).inputs).toEqual(inputs);
  });

  it("sees an input that is gone", async () => {
    expect((await diff("DhcpServer", id, { ...outputs, allowDefaultRoute: true }, inputs)).changes).toBeUndefined();
  });

  it("tells node 0 where Pulumi has it now, and of nothing else", async () => {
    const moved = async (text: string) => (await diff("DhcpServer", id, outputs, { ...inputs, __urn: text })).changes;
    expect(await moved(urn.replace("NetbootServer", "Other"))).toBe(false);
    expect(await moved(urn.replace("prod", "live"))).toBe(true);
    expect(await moved(urn.replace(/dhcp$/, "lan"))).toBe(true);
    const told = { ...outputs, __urn: urn.replace("prod", "live") };
    expect((await diff("DhcpServer", id, told, { ...inputs, __urn: told.__urn })).changes).toBe(false);
  });

  it("says that a host which somebody changed must be mended", async () => {
    expect((await diff("DhcpServer", id, { ...outputs, drift: ["x was changed"] }, inputs)).changes).toBe(true);
  });

  it("knows a change of what the outputs hold only as a digest", async () => {
    const node = { connection, hostBlocks: "host …", nextBoot: "then" };
    const { changes } = await diff("OlaNode", "id", { connection, __digest: "0" }, node);
    expect(changes).toBeUndefined();
  });

  it("leaves a fleet quiet that an older release wrote, and tells a machine of such as a value now", async () => {
    const state = JSON.parse(readFileSync("test/cases/upgrade/stack.json", "utf8")) as ExportedState;
    const rack = state.deployment.resources?.find(({ urn: each }) => each.endsWith(":OlaFleet::rack"));
    const { hostBlocksSha256: _, ...fleet } = rack?.inputs ?? {};
    expect(Object.keys(fleet)).toContain("rows");
    expect((await diff("OlaFleet", String(rack?.id), rack?.outputs ?? {}, fleet)).changes).toBe(false);
    const digest = createHash("sha256")
      .update(JSON.stringify(["host …", "then"]))
      .digest("hex")
      .slice(0, 16);
    const node = { connection, hostBlocks: "host …", nextBoot: "then", machine: { hostname: "db-1", macs: [] } };
    const nodeBefore = { connection, verified: "v", __digest: digest };
    expect((await diff("OlaNode", "id", nodeBefore, node)).changes).toBeUndefined();
  });

  it("changes a fleet whose host blocks this release writes otherwise, and leaves it to the engine which of its machines change", async () => {
    const fleet = { connection, rows: { "db-1": "10.20.0.11 db-1 04:3f:72:aa:00:01" }, chains: { x: "y" } };
    const before = { connection, ...digestsOf("OlaFleet", fleet) };
    const changes = async (olds: object, news: object) =>
      (await diff("OlaFleet", "id", { ...olds }, { ...news })).changes;
    expect(await changes(before, fleet)).toBe(false);
    expect(await changes({ ...before, __digest: "0" }, fleet)).toBe(true);
    expect(await changes(before, { ...fleet, rows: { "db-1": "10.20.0.12 db-1 04:3f:72:aa:00:01" } })).toBeUndefined();
    // Older releases wrote a map: the same machines as a text are no change.
    expect(await changes(before, { ...fleet, rows: "db-1 10.20.0.11 db-1 04:3f:72:aa:00:01" })).toBe(false);
    expect(await changes(before, { ...fleet, rows: "db-1 10.20.0.12 db-1 04:3f:72:aa:00:01" })).toBeUndefined();
    const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
    expect(await changes(before, { ...fleet, rows: unknown })).toBeUndefined();
    expect(await changes(before, { ...fleet, rows: { "db-1": unknown } })).toBeUndefined();
  });

  it("takes for gone what is an output of other kinds only", async () => {
    expect((await diff("DhcpServer", id, { ...outputs, manager: "x" }, inputs)).changes).toBeUndefined();
  });

  it.each([
    ["another agent", { agentSocketPath: "/tmp/ssh-b/agent.2" }],
    ["another key file", { privateKeyPath: "~/.ssh/other" }],
    ["more patience", { dialErrorLimit: 3, perDialTimeout: 60 }],
    ["another name of the host with that key", { host: "127.0.0.1" }],
    ["another agent of the jump host", { proxy: { host: "bastion", agentSocketPath: "/tmp/ssh-b/agent.2" } }],
  ])("sees no change in %s: how one gets there is no property of what is served", async (_name, change) => {
    const before = {
      host: "localhost",
      hostKey: bare(hostKey.public),
      agentSocketPath: "/tmp/ssh-a/agent.1",
      ...("proxy" in change ? { proxy: { host: "bastion", agentSocketPath: "/tmp/ssh-a/agent.1" } } : {}),
    };
    const olds = { ...outputs, connection: before };
    const same = { ...inputs, connection: { ...before, ...change } };
    expect(await diff("DhcpServer", id, olds, same)).toEqual({ changes: false, replaces: [] });
    expect((await diff("DhcpServer", id, olds, { ...same, unit: "v" })).changes).toBeUndefined();
  });

  it.each([
    ["a host of another key", { host: "127.0.0.1", hostKey: bare(userKey.public) }],
    ["a host whose key nobody knows", { host: "127.0.0.1", hostKey: undefined }],
    ["another port, where another machine may answer", { port: 2222, hostKey: undefined }],
    ["another way to a machine behind a jump host", { proxy: { host: "other" } }],
    ["another user", { user: "operator" }],
    ["a new key, which the state must have for a later destroy", { privateKey: "new" }],
  ])("tells %s", async (_name, change) => {
    const before = { host: "localhost", hostKey: bare(hostKey.public), proxy: { host: "bastion" } };
    const olds = { ...outputs, connection: before };
    expect(
      (await diff("DhcpServer", id, olds, { ...inputs, connection: { ...before, ...change } })).changes,
    ).toBeUndefined();
  });

  it("tells another key file where both are here and are two keys, and no other one", async () => {
    const folder = mkdtempSync(join(tmpdir(), "netboot-keys-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const paths = { old: userKey.private, same: userKey.private, rotated: hostKey.private };
    for (const [name, text] of Object.entries(paths)) writeFileSync(join(folder, name), text);
    const by = (name: string) => ({ host: "localhost", privateKeyPath: join(folder, name) });
    const changes = async (before: string, after: string) =>
      (await diff("DhcpServer", id, { ...outputs, connection: by(before) }, { ...inputs, connection: by(after) }))
        .changes;
    expect(await changes("old", "rotated")).toBeUndefined();
    expect(await changes("old", "same")).toBe(false);
    expect(await changes("of-a-colleague", "rotated")).toBe(false);
    writeFileSync(join(folder, "gone.pub"), userKey.public);
    expect(await changes("gone", "rotated")).toBeUndefined();
  });

  it.each([
    ["a new name where the old one, by which a destroy would go, is none any more", "gone.invalid"],
    ["a new name where the old one was an address, which may be another machine's now", "127.0.0.1"],
  ])("tells %s", async (_name, host) => {
    const before = { host, hostKey: bare(hostKey.public) };
    const after = { host: "localhost", hostKey: bare(hostKey.public) };
    expect(
      (await diff("DhcpServer", id, { ...outputs, connection: before }, { ...inputs, connection: after })).changes,
    ).toBeUndefined();
  });
});

describe("declaredBy", () => {
  const given = {
    BootFile: { directory: "/srv/tftp", name: "ipxe.efi", package: "ipxe" },
    DhcpServer: { config: "a", loaders: { x64: "ipxe.efi" } },
    OlaFleet: { rows: "db-1 10.20.0.11 db-1 04:3f:72:aa:00:01", chains: { x: "y" } },
    OlaNode: { hostBlocks: "host …", macs: ["04:3f:72:aa:00:01"], hostname: "db-1", nextBoot: "then" },
  };

  it.each(Object.entries(given))(
    "is the same of the inputs of %s and of the outputs that come of them",
    (kind, values) => {
      const { notEchoed, outputKeys } = kindOf(kind);
      const declared = { connection, ...values, ...digestsOf(kind, values) };
      const told = Object.fromEntries(outputKeys.map((key: string) => [key, "0a"]));
      const echoed = Object.entries(declared).filter(([key]) => !(notEchoed as readonly string[]).includes(key));
      const outputs = { ...Object.fromEntries(echoed), ...told, connection: { host: "another" }, drift: ["x"] };
      expect(declaredBy(kind, outputs)).toBe(declaredBy(kind, declared));
      const [[key = "", value] = []] = Object.entries(values);
      const other = { ...values, [key]: `${value}, changed` };
      expect(declaredBy(kind, { ...other, ...digestsOf(kind, other) })).not.toBe(declaredBy(kind, declared));
    },
  );

  it("tells a local file by its hash, which the program gives", () => {
    const file = { name: "a.efi", file: "a.efi", sha256: "0a" };
    expect(declaredBy("BootFile", { ...file, sha256: "0b" })).not.toBe(declaredBy("BootFile", file));
  });
});
