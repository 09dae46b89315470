import { describe, expect, it } from "vitest";
import { byHost, resourcesOf, whyPassedOver } from "../../../../provider/cli/stack";
import { NetbootError, renderError } from "../../../../provider/errors";

const secret = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", plaintext: '"key"' };
const node = (id: string, connection: object): object => ({
  type: "pulumi-nodejs:dynamic/netboot:OlaNode",
  id,
  outputs: { connection, __generation: "1" },
});

describe("whyPassedOver", () => {
  const down = new NetbootError("HOST_UNREACHABLE", "a.example: no answer\nmore words");

  it("says in a line why one of several hosts could not be asked", () => {
    expect(renderError(whyPassedOver(2, { host: "a.example" }, down))).toBe("not asked: no answer [HOST_UNREACHABLE]");
  });

  it("says so of one that answers, and not as it should", () => {
    const other = new NetbootError("OTHER_MACHINE", "a.example: another machine");
    expect(renderError(whyPassedOver(2, { host: "a.example" }, other))).toBe(
      "not asked: another machine [OTHER_MACHINE]",
    );
  });

  it("passes over no host that is the only one, and no fault of this program", () => {
    expect(() => whyPassedOver(1, { host: "a.example" }, down)).toThrow(down);
    const fault = new TypeError("x is undefined");
    expect(() => whyPassedOver(2, { host: "a.example" }, fault)).toThrow(fault);
  });
});

describe("resourcesOf", () => {
  it("finds the resources of ours, with what `--show-secrets` shows", () => {
    const state = {
      deployment: {
        resources: [
          { type: "pulumi:pulumi:Stack" },
          node("OlaNode/shop/prod/a", { host: "10.0.0.5", privateKey: secret }),
          { ...node("OlaNode/shop/prod/gone", { host: "10.0.0.5" }), delete: true },
        ],
      },
    };
    expect(resourcesOf(state)).toEqual([
      {
        kind: "OlaNode",
        urn: "",
        id: "OlaNode/shop/prod/a",
        connection: { host: "10.0.0.5", privateKey: "key" },
        inputs: {},
        outputs: { connection: { host: "10.0.0.5", privateKey: "key" }, __generation: "1" },
      },
    ]);
    expect(resourcesOf({})).toEqual([]);
  });

  it("are grouped by the way to their host", () => {
    const hosts = ["10.0.0.5", "10.0.0.6", "10.0.0.5"].map((host, index) =>
      node(`OlaNode/shop/prod/${index}`, { host }),
    );
    const grouped = byHost(resourcesOf({ deployment: { resources: hosts } }));
    expect([...grouped.values()].map((on) => on.length)).toEqual([2, 1]);
  });
});
