import { describe, expect, it } from "vitest";
import { connectionOf, stepsOf } from "../../../../provider/cli/preview";

const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const urnOf = (kind: string, name: string): string =>
  `urn:pulumi:dev::shop::pulumi-nodejs:dynamic/netboot:${kind}::${name}`;

function step(op: string, kind: string, inputs: object, old?: object): object {
  const type = `pulumi-nodejs:dynamic/netboot:${kind}`;
  const state = { type, inputs, dependencies: ["urn:server"], propertyDependencies: { machine: ["urn:dhcp"] } };
  const oldState = { type, inputs, outputs: { __generation: "g1" }, ...old };
  return {
    op,
    urn: urnOf(kind, "a"),
    ...(op === "delete" ? {} : { newState: state }),
    ...(op === "create" ? {} : { oldState }),
  };
}

const first = (...steps: readonly object[]) => {
  const [found] = stepsOf({ steps });
  if (found === undefined) throw new Error("no step");
  return found;
};

describe("stepsOf", () => {
  it("takes what comes, changes and goes, and leaves the rest", () => {
    const steps = [
      step("create", "OlaNode", { connection: {} }),
      step("update", "BootFile", { name: "x" }, { inputs: { content: "[secret]" } }),
      step("delete", "OlaNode", {}),
      step("same", "DhcpServer", {}),
      { op: "create", urn: "urn:other", newState: { type: "aws:s3/bucket:Bucket", inputs: {} } },
    ];
    expect(stepsOf({ steps })).toMatchObject([
      { how: "put", kind: "OlaNode", outputs: {}, dependencies: ["urn:server", "urn:dhcp"], secretBefore: [] },
      { how: "put", kind: "BootFile", outputs: { __generation: "g1" }, secretBefore: ["content"] },
      { how: "drop", kind: "OlaNode", outputs: { __generation: "g1" } },
    ]);
    expect(stepsOf({})).toEqual([]);
  });

  it("has one that is replaced come again, and go where it was if that is another host", () => {
    const there = (host: string) => ({ connection: { host } });
    const replaced = (from: string, to: string) =>
      stepsOf({
        steps: [
          step("replace", "OlaNode", there(to), {
            id: "x",
            inputs: there(from),
            outputs: { __machine: "0123456789ab" },
          }),
        ],
      }).map(({ how, id, inputs, outputs }) => ({ how, id, inputs, outputs }));
    const outputs = { __machine: "0123456789ab" };
    const comes = { how: "put", id: "x", inputs: there("10.0.0.5") };
    expect(replaced("10.0.0.5", "10.0.0.5")).toEqual([{ ...comes, outputs }]);
    expect(replaced("10.0.0.4", "10.0.0.5")).toEqual([
      { ...comes, outputs: {} },
      { how: "drop", id: "x", inputs: there("10.0.0.4"), outputs },
    ]);
  });
});

describe("connectionOf", () => {
  const shown = { host: "10.0.0.5", user: "root", privateKey: "[secret]" };
  const inState = (privateKey: string, host = "10.0.0.5") => {
    const connection = { host, user: "root", privateKey };
    return { kind: "OlaNode", urn: "", id: "x", connection, inputs: {}, outputs: {} };
  };

  it("is the step's own where nothing of it is hidden", async () => {
    const connection = { host: "10.0.0.5", privateKeyPath: "/root/key" };
    const read = () => Promise.reject(new Error("not asked for"));
    expect(await connectionOf(first(step("create", "OlaNode", { connection })), read)).toEqual(connection);
  });

  it("is that of the same host in the state where a secret is hidden", async () => {
    const read = () => Promise.resolve([inState("other", "10.0.0.6"), inState("key")]);
    expect(await connectionOf(first(step("update", "OlaNode", { connection: shown })), read)).toEqual({
      ...shown,
      privateKey: "key",
    });
  });

  it("can't be had where there is no state yet, or only the up knows it", async () => {
    const none = () => Promise.resolve([]);
    await expect(connectionOf(first(step("create", "OlaNode", { connection: shown })), none)).rejects.toThrow(
      /^a: its connection holds a secret, .* no such connection yet\. Plan with an SSH agent or with privateKeyPath/,
    );
    await expect(
      connectionOf(first(step("create", "OlaNode", { connection: { host: unknown } })), none),
    ).rejects.toThrow(/^a: a part of its connection is known only in the up/);
  });
});
