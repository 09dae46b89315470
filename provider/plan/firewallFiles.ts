import { enablingLink, firewallUnit, unitFile } from "../os/paths";
import { type FirewalldPlan, ourFirewalldFiles } from "./firewalld";
import { type FirewallFacts, type Observed, renderHeads } from "./firewallHeads";

export interface FirewallFile {
  readonly path: string;
  readonly to:
    | { readonly is: "file"; readonly mode: string; readonly content: string }
    | { readonly is: "link"; readonly target: string }
    | { readonly is: "absent" };
}

const nftDropIn = "/etc/systemd/system/nftables.service.d/pulumi-netboot.conf";
const plugin = "/usr/share/netfilter-persistent/plugins.d/90-pulumi-netboot";
const state = "/var/lib/pulumi-netboot";
/** The heads, as node 0 reads them at boot and when a manager has loaded its own rules. */
export const headsFile: string = `${state}/firewall`;
const putIn = `/usr/bin/perl ${state}/agent.pl firewall`;

/** The files of ours that do not depend on who manages the firewall. */
export const firewallPaths: readonly string[] = [
  unitFile(firewallUnit),
  enablingLink(firewallUnit),
  nftDropIn,
  plugin,
  headsFile,
];

export const unitText: string = `# Written by pulumi-netboot. Whoever loads a ruleset, whenever that is, flushes what it does not hold; this sees it and
# puts the rules of ours back.
[Unit]
Description=Keep the rules of pulumi-netboot in the firewall
After=pulumi-netboot-recovery.service nftables.service netfilter-persistent.service ufw.service firewalld.service network.target
ConditionPathExists=${headsFile}
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=${putIn} watch
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
`;

const dropInText = `# Written by pulumi-netboot. Loading a ruleset flushes what it does not hold; this puts the rules of ours back.
[Service]
ExecStartPost=-${putIn}
ExecReload=-${putIn}
`;

const pluginText = `#!/bin/sh
# Written by pulumi-netboot. Loading saved rules flushes all others; this puts the rules of ours back.
[ "$1" != start ] || ${putIn} || true
`;

/** What of the firewall lies in files, and what of ours must not be there any more. */
export function planFiles(
  { wanted }: Observed,
  any: boolean,
  zones: FirewalldPlan | undefined,
  { nftables, iptables, firewalld }: FirewallFacts,
): readonly FirewallFile[] {
  const files = new Map<string, FirewallFile["to"]>(
    [...firewallPaths, ...ourFirewalldFiles(firewalld).keys()].map((path) => [path, { is: "absent" }]),
  );
  if (any) {
    const file = (path: string, mode: string, content: string) => files.set(path, { is: "file", mode, content });
    file(unitFile(firewallUnit), "0644", unitText);
    files.set(enablingLink(firewallUnit), { is: "link", target: unitFile(firewallUnit) });
    if (nftables.unitKnown) file(nftDropIn, "0644", dropInText);
    if (iptables.pluginsFolder) file(plugin, "0755", pluginText);
    for (const [path, content] of zones?.files ?? []) file(path, "0644", content);
    file(headsFile, "0600", renderHeads(wanted));
  }
  return [...files].map(([path, to]) => ({ path, to })).toSorted((one, other) => (one.path < other.path ? -1 : 1));
}

export function foldersOf(files: readonly FirewallFile[]): readonly string[] {
  const folders = files
    .filter(({ to }) => to.is === "file")
    .map(({ path }) => path.slice(0, path.lastIndexOf("/")))
    .filter((folder) => folder !== state);
  return [...new Set(folders)];
}
