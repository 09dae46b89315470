import { describe, expect, it } from "vitest";
import { renderHostBlocks } from "../../../../provider/formats/isc/hostBlocks";
import { type OlaNodeInputs, olaNode } from "../../../../provider/kinds/olaNode";
import { renderMachine } from "../../../../provider/preview/nextBoot";
import { parseNode } from "../../../../provider/values/node";
import type { NodeRow } from "../../../../provider/values/nodeRow";
import type { Checked } from "../../../../provider/values/problem";
import { unknownText } from "../../../../provider/values/unknown";

const machine = { hostname: "db-1", macs: ["04:3f:72:aa:00:01"], address: "10.20.0.11" };
const inputs = { hostBlocks: "host …\n", ...machine, nextBoot: "10.20.0.11 db-1" };

describe("olaNode", () => {
  it("takes the machine from its value, and the blocks as they are", () => {
    expect(olaNode.wants(inputs)).toEqual([
      { want: "node", ...machine, firmware: "x64", loader: undefined, proof: true, blocks: "host …\n" },
    ]);
  });

  it.each([
    [true, true],
    [false, false],
    [{ again: "2026-11-22" }, "2026-11-22"],
    [{}, true],
  ])("asks for the proof that `verify: %j` means", (verify, proof) => {
    expect(olaNode.wants({ ...inputs, verify })).toMatchObject([{ proof }]);
  });

  it("asks for the boots of a machine only where its history is wanted", () => {
    expect(olaNode.wants({ ...inputs, history: true })).toContainEqual({ want: "history" });
  });

  it("needs no more than what a state holds for a look, also that of the release before", () => {
    expect(olaNode.wants({ ...machine, verify: false } as never)).toEqual([{ want: "registered", machines: 1 }]);
    expect(olaNode.wants({ verify: false } as never)).toEqual([{ want: "registered", machines: 1 }]);
  });

  it("says in the place of what the state does not hold how the host differs", () => {
    const drift = [{ what: "db-1", how: "missing", seen: "" }] as const;
    const seen = "not as declared: db-1 is missing";
    expect(olaNode.live(inputs, drift)).toEqual({ hostBlocks: seen, nextBoot: seen });
  });
});

describe("olaNode, whose values something changed on their way from the program", () => {
  const row: NodeRow = { name: "db-1", ...machine, firmware: "x64" };
  const chain = "UEFI x64 → ipxe.efi sha256:67c7f1f8e0…\niPXE → …";
  const chains = { x64: chain, "x64 snponly.efi": chain.replace("ipxe.efi", "snponly.efi"), ia32: "UEFI ia32 → …" };
  const told = { of: "x64", chains };
  const made = { ...machine, hostBlocks: renderHostBlocks(row), nextBoot: `${renderMachine(row)}\n${chain}` };

  it("has its texts from the program where nothing did", () => {
    expect(olaNode.rendered?.(made, told)).toBeUndefined();
    const later = { ...made, macs: [unknownText], hostBlocks: unknownText };
    expect(olaNode.rendered?.(later, told)).toBeUndefined();
  });

  it.each<[string, object, string]>([
    ["its NICs", { macs: ["52-54-00-00-00-09"] }, "10.20.0.11 db-1 (52:54:00:00:00:09)\nUEFI x64 → ipxe.efi "],
    ["its loader", { loader: "snponly.efi" }, "10.20.0.11 db-1 (04:3f:72:aa:00:01)\nUEFI x64 → snponly.efi "],
    ["its firmware", { firmware: "ia32" }, "10.20.0.11 db-1 (04:3f:72:aa:00:01)\nUEFI ia32 → "],
    ["its address", { address: unknownText }, "[address after this up] db-1 (04:3f:72:aa:00:01)\nUEFI x64 → ipxe.efi "],
  ])("has texts that follow %s", async (_what, changed, boot) => {
    const { value } = ((await olaNode.rendered?.({ ...made, ...changed }, told)) ?? {}) as Checked<OlaNodeInputs>;
    expect(value?.nextBoot.startsWith(boot), value?.nextBoot).toBe(true);
    expect(value?.__chain).toBe(value?.nextBoot);
    const { value: read } = parseNode("db-1", { ...machine, ...changed });
    expect(value).toMatchObject({ macs: read?.macs });
    expect(value?.hostBlocks).toBe("address" in changed ? unknownText : renderHostBlocks(read as NodeRow));
  });

  it("has a next boot that comes later where a preview does not know the chains yet", async () => {
    const { value } =
      (await olaNode.rendered?.({ ...made, loader: "snponly.efi" }, { of: "x64", chains: undefined })) ?? {};
    expect(value).toMatchObject({ loader: "snponly.efi", nextBoot: unknownText });
  });

  it("is refused where it has another chain, of which the program does not tell", async () => {
    const { problems } =
      (await olaNode.rendered?.({ ...made, loader: "snponly.efi" }, { of: "x64", chains: {} })) ?? {};
    expect(problems).toEqual([expect.objectContaining({ path: "loader" })]);
    const { value } = (await olaNode.rendered?.({ ...made, address: "10.20.0.12" }, { of: "x64", chains: {} })) ?? {};
    expect((value as OlaNodeInputs | undefined)?.nextBoot).toBe(made.nextBoot.replace("10.20.0.11", "10.20.0.12"));
  });

  it("is refused where it is no machine any more", async () => {
    expect(await olaNode.rendered?.({ ...made, macs: ["52:54"], address: "x" }, told)).toMatchObject({
      value: undefined,
      problems: [{ path: "macs[0]" }, { path: "address" }],
    });
  });
});
