import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { OvhVni } from "../../sdk/ovh";
import type { ScratchProject } from "../../tools/scratch.mts";

/** What a Pulumi.yaml says so that the engine takes the stand-in for OVHcloud's plugin, and downloads none. */
export const ovhPlugin: string = `plugins:\n  providers:\n    - name: ovh\n      path: ${resolve("test/support/ovhPlugin")}\n`;

/** A virtual network interface, in short. */
export type Vni = readonly [mode: string, uuid: string, nics: readonly string[]];

/** A server as `getServer` describes it. */
export type OvhServer = ReturnType<typeof ovhServer>;

/** A server as OVHcloud's API and `getServer` describe it, as far as its name and its network go. */
export function ovhServer(serviceName: string, ...vnis: readonly Vni[]) {
  const described = vnis.map(
    ([mode, uuid, nics]): OvhVni => ({
      enabled: true,
      mode,
      nics,
      uuid,
      ...{ name: uuid, serverName: serviceName, vrack: mode.startsWith("vrack") ? "pn-1000001" : "" },
    }),
  );
  const uuidsOf = (wanted: string) => vnis.filter(([mode]) => mode === wanted).map(([, uuid]) => uuid);
  return {
    id: serviceName,
    serviceName,
    name: serviceName,
    displayName: serviceName,
    state: "ok",
    powerState: "poweron",
    vnis: described,
    enabledPublicVnis: uuidsOf("public"),
    enabledVrackVnis: uuidsOf("vrack"),
    enabledVrackAggregationVnis: uuidsOf("vrack_aggregation"),
  };
}

/** The file by which the stand-in knows its servers. */
export function ovhFile(servers: readonly OvhServer[]): Readonly<Record<string, string>> {
  return { "ovh.json": JSON.stringify(Object.fromEntries(servers.map((server) => [server.serviceName, server]))) };
}

/** A reboot that the stand-in was asked for, and when, in milliseconds since 1970. */
export interface AskedReboot {
  readonly serviceName: string;
  readonly keepers: readonly string[];
  readonly at: number;
}

/** All reboots that were asked for, in order. */
export function askedReboots(project: ScratchProject): readonly AskedReboot[] {
  const file = join(project.folder, "reboots.jsonl");
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}
