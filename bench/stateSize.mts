import type { ScratchProject } from "../tools/scratch.mts";

/** The bytes of each OlaNode in the state, beside the provider's text and the connection: by its number of NICs. */
export async function measureStateSize(project: ScratchProject): Promise<ReadonlyMap<number, number>> {
  const { deployment } = await project.state();
  const nodes = (deployment.resources ?? []).filter(({ type }) => type.endsWith(":OlaNode"));
  const sizes = nodes
    .map(({ inputs = {}, outputs = {} }) => {
      const nics = String(inputs["hostBlocks"]).match(/hardware ethernet/g)?.length ?? 0;
      return [nics, bytesOf(inputs) + bytesOf(outputs)] as const;
    })
    .sort(([one], [other]) => one - other);
  return new Map(sizes);
}

/** The bytes of a fleet in the state, all of its resource, for each of its machines. */
export async function measureFleetSize(project: ScratchProject): Promise<number> {
  const { deployment } = await project.state();
  const fleet = (deployment.resources ?? []).find(({ type }) => type.endsWith(":OlaFleet"));
  const rows = String(fleet?.inputs?.["rows"] ?? "")
    .trim()
    .split("\n");
  return Buffer.byteLength(JSON.stringify(fleet)) / rows.length;
}

function bytesOf(values: Record<string, unknown>): number {
  const { __provider: _text, connection: _connection, ...rest } = values;
  return Buffer.byteLength(JSON.stringify(rest));
}
