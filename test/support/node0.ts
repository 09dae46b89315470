import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "../../lab/index.mts";
import { type CommandResult, runCommand } from "../../tools/command.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";

/** The program of examples/guide, as the top level Pulumi.yaml runs it, against a lab's node 0. */
export async function guideProject(lab: Lab, user = "root"): Promise<ScratchProject> {
  const project = await scratchProject({ from: { "Pulumi.yaml": "Pulumi.yaml", "examples/guide": "examples/guide" } });
  const { host, hostKey, privateKeyPath, privateInterface, privateAddress, privateCidr } = lab.node0;
  await project.config({
    host,
    user,
    hostKey,
    privateKeyPath,
    interface: privateInterface,
    address: privateAddress,
    cidr: privateCidr,
  });
  return project;
}

/** A program whose `node0` connects to a lab's node 0; `rest` goes on after that. */
export function programOn(lab: Lab, rest: string, connection: Readonly<Record<string, unknown>> = {}): string {
  const { host, hostKey, privateKeyPath, privateInterface, privateAddress, privateCidr } = lab.node0;
  return `
import * as pulumi from "@pulumi/pulumi";
import * as netboot from "pulumi-netboot";

const connection = ${JSON.stringify({ host, hostKey, privateKeyPath, ...connection })};
const network = ${JSON.stringify({ interface: privateInterface, address: privateAddress, cidr: privateCidr })};
${rest}
`;
}

/** `npx pulumi-netboot`, as it lies in a project that has the package. */
export async function netbootCommand(
  project: Pick<ScratchProject, "folder" | "env">,
  ...args: readonly string[]
): Promise<CommandResult> {
  const bin = join(project.folder, "node_modules/.bin/pulumi-netboot");
  const installed = join(project.folder, "node_modules/pulumi-netboot/dist/provider/cli/main.js");
  return await runCommand([process.execPath, existsSync(bin) ? bin : installed, ...args], {
    cwd: project.folder,
    env: project.env,
  });
}

/** How many SSH logins node 0 has seen since it booted. */
export async function loginsOf(lab: Lab): Promise<number> {
  const { stdout } = await lab.node0.run("journalctl -q -o cat -t sshd -t sshd-session --grep '^Accepted ' | wc -l", {
    check: false,
  });
  return Number(stdout);
}

/** What a listing of node 0 says of each path. */
export function entriesOf(listing: string): Map<string, string> {
  return new Map(
    listing
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const end = line.search(/ (file|folder|link|socket|pipe|device|other)\b/);
        return [line.slice(0, end), line.slice(end + 1)];
      }),
  );
}

/** The paths whose entry is not the same in both listings, each with what it was and is. */
export function differences(before: string, after: string): Map<string, { before?: string; after?: string }> {
  const [old, now] = [entriesOf(before), entriesOf(after)];
  const changed = [...new Set([...old.keys(), ...now.keys()])].filter((path) => old.get(path) !== now.get(path));
  return new Map(
    changed.map((path) => {
      const [was, is] = [old.get(path), now.get(path)];
      return [path, { ...(was === undefined ? {} : { before: was }), ...(is === undefined ? {} : { after: is }) }];
    }),
  );
}

/** What runs all the time on a Debian, and has nothing to do with us. */
export const restless: readonly RegExp[] = [
  /^\/var\/(log|cache)\//,
  /^\/var\/lib\/(apt|dpkg|systemd|private|chrony|ntpsec|logrotate|ucf|dbus|polkit-1|pam)(\/|$)/,
  /^\/(etc|var\/lib)\/(ld\.so\.cache|machine-id|resolv\.conf|adjtime)$/,
  /^\/root\/|^\/home\//,
  // Copies that adduser makes of what was before.
  /^\/etc\/(passwd|group|shadow|gshadow)-$/,
  /^\/var\/(tmp|backups|spool)\//,
];

/** What became of the host since an earlier listing, without what a Debian does by itself. */
export async function changedSince(lab: Lab, before: string): Promise<readonly string[]> {
  return [...differences(before, await lab.node0.listing())]
    .filter(([path]) => !restless.some((pattern) => pattern.test(path)))
    .filter(([path]) => !path.startsWith("/var/lib/dhcp/"))
    .map(([path, { before: was, after: is }]) => `${path}: ${was} → ${is}`);
}

/** The machines that dhcpd's file has, as `web-1 01`: a host name, and the end of its first MAC. */
export function hostsOf(lab: Lab): readonly string[] {
  const text = readFileSync(join(lab.node0.root, "etc/dhcp/netboot/hosts.conf"), "utf8");
  return [...text.matchAll(/^host (\S+)-nic0 .*?:(\d\d);/gm)].map(([, name, mac]) => `${name} ${mac}`).toSorted();
}

/** The tokens of the stacks whose records node 0 has. */
export function tokensOn(lab: Lab): readonly string[] {
  const register = join(lab.node0.root, "var/lib/pulumi-netboot/register");
  const texts = readdirSync(register).map((name) => readFileSync(join(register, name), "utf8"));
  return [...new Set(texts.map((text) => /^generation ([0-9a-f]{8})[0-9a-f]{8}$/m.exec(text)?.[1] ?? ""))];
}

/** The ids of the OlaNodes that node 0 has records of. */
export function recordsOf(lab: Lab): readonly string[] {
  return readdirSync(join(lab.node0.root, "var/lib/pulumi-netboot/register"))
    .filter((name) => name.startsWith("OlaNode"))
    .map((name) => decodeURIComponent(name))
    .toSorted();
}
