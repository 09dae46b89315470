import { readFile } from "node:fs/promises";
import { NetbootError } from "../errors";
import { sha256Of } from "../lifecycle/digest";
import { type BootFileInputs, planBootFile } from "./bootFile";
import { type DhcpServerInputs, planDhcpServer } from "./dhcpServer";
import { type FirewallInputs, planFirewall } from "./firewall";
import { type NameServerInputs, planNameServer } from "./nameServer";
import { type OlaFleetInputs, planOlaFleet } from "./olaFleet";
import { type OlaNodeInputs, planOlaNode } from "./olaNode";
import { type PackagesInputs, planPackages } from "./packages";
import { planTftpServer, type TftpServerInputs } from "./tftpServer";
import { planTimeServer, type TimeServerInputs } from "./timeServer";
import type { Want } from "./want";

/** What a kind of resource wants of a host. */
interface Kind {
  /** For a `look`, where the bytes of a local file are not needed, `purpose` says so. */
  readonly plan: (inputs: never, purpose: "apply" | "look") => readonly Want[] | Promise<readonly Want[]>;
}

const kinds: Readonly<Record<string, Kind>> = {
  Packages: { plan: (inputs: PackagesInputs) => planPackages(inputs) },
  DhcpServer: { plan: (inputs: DhcpServerInputs) => planDhcpServer(inputs) },
  TftpServer: { plan: (inputs: TftpServerInputs) => planTftpServer(inputs) },
  TimeServer: { plan: (inputs: TimeServerInputs) => planTimeServer(inputs) },
  NameServer: { plan: (inputs: NameServerInputs) => planNameServer(inputs) },
  Firewall: { plan: (inputs: FirewallInputs) => planFirewall(inputs) },
  BootFile: { plan: planFile },
  OlaFleet: { plan: (inputs: OlaFleetInputs) => planOlaFleet(inputs) },
  OlaNode: { plan: (inputs: OlaNodeInputs) => planOlaNode(inputs) },
};

/** The kind by its name, which is the class that users write. */
export function kindOf(name: string): Kind {
  const kind = kinds[name];
  if (kind === undefined) throw new NetbootError("BUG", `this is a bug in pulumi-netboot: there is no kind "${name}"`);
  return kind;
}

/** A local file is read where it is needed, and must still be what the program saw. */
async function planFile(inputs: BootFileInputs, purpose: "apply" | "look"): Promise<readonly Want[]> {
  if (inputs.file === undefined) return planBootFile(inputs, undefined);
  // A look compares with the hash in the register, as it does for a file out of a package.
  if (purpose === "look") return planBootFile({ ...inputs, package: inputs.file }, undefined);
  const content = await readFile(inputs.file).catch((cause: Error) => {
    throw new NetbootError("ARGUMENTS_INVALID", `${inputs.name}: ${inputs.file} can't be read: ${cause.message}`, {
      cause,
    });
  });
  const seen = sha256Of(content);
  if (seen === inputs.sha256) return planBootFile(inputs, content);
  throw new NetbootError(
    "ARGUMENTS_INVALID",
    `${inputs.name}: ${inputs.file} changed while pulumi ran (sha256 ${seen}, not ${inputs.sha256}); run it again`,
  );
}
